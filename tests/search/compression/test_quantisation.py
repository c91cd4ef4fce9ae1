from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from search.artifacts.build import build_artifact
from search.compression import Draft, Material
from search.study.workbench import Workbench
from spaces import Architecture, Candidate, Compression, Quantisation, Unquantised

SIZES = Architecture(layers=(0, 3), heads=(4, 7), ffn_sizes=(384, 100), hidden_size=192)
QUANTISATIONS: list[Quantisation] = ["dynamic-int8", "static-int8", "int4"]


def built(bench: Workbench, folder: Path, **compression: object) -> Path:
    candidate = Candidate(architecture=SIZES, compression=Compression.model_validate(compression))
    bench.maker.build(bench.maker.cut(candidate, bench.pretrained), candidate, folder)
    return folder / "model.onnx"


def logits(path: Path, bench: Workbench) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rows = []
    for text in bench.task.validation.texts:
        ids = np.array([bench.backbone.tokenizer(text)["input_ids"]])
        rows.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.array(rows)


def stored_as(path: Path, kind: int) -> float:
    """The share of a file's weights that are of a type."""
    sizes = [(weight.data_type, int(np.prod(weight.dims))) for weight in onnx.load(path).graph.initializer]
    return sum(size for data_type, size in sizes if data_type == kind) / sum(size for _, size in sizes)


@pytest.fixture(scope="module")
def fp32(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(bench, tmp_path_factory.mktemp("fp32"))


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_a_quantised_artefact_is_smaller_and_answers_nearly_alike(
    quantisation: Quantisation, bench: Workbench, fp32: Path, tmp_path: Path
) -> None:
    path = built(bench, tmp_path, quantisation=quantisation)
    onnx.checker.check_model(onnx.load(path))
    share = path.stat().st_size / fp32.stat().st_size
    assert share < (0.2 if quantisation == "int4" else 0.3)
    difference = np.abs(logits(path, bench) - logits(fp32, bench)).max()
    assert 0 < difference < 0.2


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
@pytest.mark.parametrize("unquantised", ["embeddings", "ffn-outputs"])
def test_what_is_left_unquantised_is_there_in_fp32(
    quantisation: Quantisation, unquantised: Unquantised, bench: Workbench, tmp_path: Path
) -> None:
    whole = built(bench, tmp_path / "whole", quantisation=quantisation)
    part = built(bench, tmp_path / "part", quantisation=quantisation, unquantised=unquantised)
    fp32 = onnx.TensorProto.FLOAT
    assert stored_as(part, fp32) > stored_as(whole, fp32)
    assert (stored_as(part, fp32) > 0.5) == (unquantised == "embeddings")


@pytest.mark.parametrize("quantisation", ["dynamic-int8", "static-int8"])
def test_scales_of_channels_are_vectors(quantisation: Quantisation, bench: Workbench, tmp_path: Path) -> None:
    def longest_scale(path: Path) -> int:
        graph = onnx.load(path).graph
        return max(int(np.prod(w.dims)) for w in graph.initializer if w.name.endswith("_scale"))

    assert longest_scale(built(bench, tmp_path / "one", quantisation=quantisation)) == 1
    assert longest_scale(built(bench, tmp_path / "many", quantisation=quantisation, per_channel=True)) >= 384


def test_static_scales_come_from_the_texts(bench: Workbench, tmp_path: Path) -> None:
    candidate = Candidate(architecture=SIZES, compression=Compression(quantisation="static-int8"))
    draft = Draft(model=bench.maker.cut(candidate, bench.pretrained), tokenizer=bench.backbone.tokenizer, max_tokens=20)
    for name, texts in (("one", ["turn on the light"]), ("other", ["7 + 8 = 15 !?"])):
        build_artifact(draft, candidate.compression, tmp_path / name, Material(texts=texts))
    one, other = (logits(tmp_path / name / "model.onnx", bench) for name in ("one", "other"))
    assert not np.array_equal(one, other)


def test_quantising_leaves_the_state_of_chance_alone(bench: Workbench, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    built(bench, tmp_path, quantisation="int4")
    assert torch.equal(torch.rand(3), expected)
