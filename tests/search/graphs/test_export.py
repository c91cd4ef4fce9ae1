from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from search.graphs.export import export_onnx, quantise_dynamically
from tests.search.encoders import small_encoder, small_inputs


def answer(path: Path, ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0])


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 9), (5, 16)])
def test_an_exported_model_answers_as_in_pytorch(batch: int, length: int, tmp_path: Path) -> None:
    model, (ids, mask) = small_encoder(), small_inputs(batch, length)
    export_onnx(model, tmp_path / "model.onnx")
    with torch.inference_mode():
        expected = model(ids, mask).logits.numpy()
    np.testing.assert_allclose(answer(tmp_path / "model.onnx", ids, mask), expected, atol=1e-4)


def test_a_quantised_file_takes_the_place_of_the_fp32_one(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(small_encoder(), path)
    fp32 = answer(path, *small_inputs())
    quantise_dynamically(path)
    int8 = answer(path, *small_inputs())
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert not np.array_equal(int8, fp32)
    np.testing.assert_allclose(int8, fp32, atol=0.5)


def test_quantising_leaves_the_root_logger_as_it_was(tmp_path: Path) -> None:
    root = logging.getLogger()
    before = root.level
    export_onnx(small_encoder(), tmp_path / "model.onnx")
    root.setLevel(logging.INFO)
    try:
        quantise_dynamically(tmp_path / "model.onnx")
        assert root.level == logging.INFO
    finally:
        root.setLevel(before)


def test_a_model_in_training_is_exported_and_can_train_on(tmp_path: Path) -> None:
    model = small_encoder().train()
    export_onnx(model, tmp_path / "model.onnx")
    model(*small_inputs(), labels=torch.tensor([0, 1, 0])).loss.backward()
    assert model.classifier.weight.grad is not None
