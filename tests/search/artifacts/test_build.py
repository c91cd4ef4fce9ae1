from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tokenizers import Tokenizer

from search.artifacts.build import build_artifact
from search.compression import Draft
from search.models.backbones import Backbone
from search.models.elastic import ElasticForSequenceClassification
from spaces import Compression

NewModel = Callable[..., ElasticForSequenceClassification]
LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def model(new_tiny_model: NewModel) -> ElasticForSequenceClassification:
    return new_tiny_model(LABELS)


@pytest.fixture(scope="module")
def fp32(model: ElasticForSequenceClassification, minilm: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact") / "new" / "fp32"
    build_artifact(draft(model, minilm), Compression(), folder)
    return folder


@pytest.fixture(scope="module")
def int8(model: ElasticForSequenceClassification, minilm: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    build_artifact(draft(model, minilm), Compression(quantisation="dynamic-int8"), folder)
    return folder


def draft(model: ElasticForSequenceClassification, backbone: Backbone) -> Draft:
    return Draft(model=model, tokenizer=backbone.tokenizer, max_tokens=12)


def answer(folder: Path, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    return np.asarray(logits)


def random_inputs(batch: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(batch * 1000 + length)
    ids = rng.integers(1, 30000, (batch, length))
    lengths = rng.integers(1, length + 1, batch)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    return ids * mask, mask


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_a_folder_holds_the_model_and_its_tokenizer_alone(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "tokenizer.json"]


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_the_weights_are_inside_the_file(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    graph = onnx.load(folder / "model.onnx", load_external_data=False)
    onnx.checker.check_model(graph)
    assert not any(weight.external_data for weight in graph.graph.initializer)


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_the_graph_takes_ids_and_a_mask_of_any_batch_and_length(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    inputs = {value.name: value for value in session.get_inputs()}
    assert inputs.keys() == {"input_ids", "attention_mask"}
    assert all(value.type == "tensor(int64)" for value in inputs.values())
    assert [output.name for output in session.get_outputs()] == ["logits"]
    for batch, length in [(1, 1), (1, 7), (5, 3), (2, 200), (1, 512)]:
        ids, mask = random_inputs(batch, length)
        assert answer(folder, ids, mask).shape == (batch, 3)


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 9), (4, 16), (2, 8), (3, 120)])
def test_it_answers_as_pytorch_does(
    batch: int, length: int, fp32: Path, model: ElasticForSequenceClassification
) -> None:
    ids, mask = random_inputs(batch, length)
    with torch.inference_mode():
        expected = model(torch.from_numpy(ids), torch.from_numpy(mask)).logits.numpy()
    np.testing.assert_allclose(answer(fp32, ids, mask), expected, atol=1e-4)


def test_int8_answers_nearly_as_pytorch_does(int8: Path, model: ElasticForSequenceClassification) -> None:
    ids, mask = random_inputs(4, 16)
    with torch.inference_mode():
        expected = model(torch.from_numpy(ids), torch.from_numpy(mask)).logits.numpy()
    answered = answer(int8, ids, mask)
    assert not np.array_equal(answered, expected)
    np.testing.assert_allclose(answered, expected, atol=0.15)


def test_int8_is_about_a_quarter_of_the_size(fp32: Path, int8: Path) -> None:
    assert (int8 / "model.onnx").stat().st_size < 0.3 * (fp32 / "model.onnx").stat().st_size


def test_the_tokenizer_cuts_at_the_most_tokens_and_pads_nothing(fp32: Path, minilm: Backbone) -> None:
    tokenizer = Tokenizer.from_file(str(fp32 / "tokenizer.json"))
    long = tokenizer.encode("turn on the light " * 50).ids
    assert len(long) == 12
    assert (long[0], long[-1]) == (minilm.tokenizer.cls_token_id, minilm.tokenizer.sep_token_id)
    short, longer = tokenizer.encode_batch(["no", "turn on the light"])
    assert (len(short.ids), len(longer.ids)) == (3, 6)
    assert short.ids == minilm.tokenizer("no")["input_ids"]


def test_building_leaves_the_tokenizer_of_the_backbone_as_it_was(fp32: Path, minilm: Backbone) -> None:
    assert fp32.is_dir()
    assert len(minilm.tokenizer("turn on the light " * 50)["input_ids"]) == 202


def test_building_again_replaces_the_file(new_tiny_model: NewModel, minilm: Backbone, tmp_path: Path) -> None:
    ids, mask = random_inputs(1, 5)
    changed = new_tiny_model(LABELS)
    build_artifact(draft(changed, minilm), Compression(), tmp_path)
    before = answer(tmp_path, ids, mask)
    with torch.no_grad():
        changed.classifier.bias += 1
    build_artifact(draft(changed, minilm), Compression(), tmp_path)
    np.testing.assert_allclose(answer(tmp_path, ids, mask), before + 1, atol=1e-5)


def test_a_model_in_training_is_exported_and_can_train_on(
    new_tiny_model: NewModel, minilm: Backbone, tmp_path: Path
) -> None:
    model = new_tiny_model(LABELS).train()
    build_artifact(draft(model, minilm), Compression(), tmp_path)
    loss = model(torch.ones(2, 4, dtype=torch.long), labels=torch.tensor([0, 1])).loss
    loss.backward()
    assert model.classifier.weight.grad is not None
