from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.graphs.export import export_onnx, quantise_dynamically
from search.graphs.template import filled_graph
from search.models.backbones import Backbone
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from search.models.slicing import cut
from search.study.workbench import Workbench
from spaces import Architecture, Quantisation
from tests.search.encoders import randomised, small_encoder, small_inputs

QUANTISATIONS: list[Quantisation] = ["none", "dynamic-int8"]
ALL_OF_MINILM = Architecture(layers=range(6), heads=[12] * 6, ffn_sizes=[1536] * 6, hidden_size=384)
SOME_OF_MINILM = Architecture(layers=(0, 2, 5), heads=(4, 12, 7), ffn_sizes=(384, 1000, 1536), hidden_size=192)

DIGEST_ELSEWHERE = """
import hashlib, sys
from pathlib import Path
from search.graphs.template import filled_graph
from tests.search.encoders import small_encoder

model, path = small_encoder(), Path(sys.argv[1])
path.write_bytes(filled_graph(model, int8=True).SerializeToString())
print(hashlib.sha256(path.read_bytes()).hexdigest())
"""


@st.composite
def encoders(draw: st.DrawFn) -> ElasticForSequenceClassification:
    """Encoders of all sizes, whose layers are alike or not."""
    depth = draw(st.integers(1, 2))
    alike = draw(st.booleans())
    heads = [draw(st.integers(1, 4)) for _ in range(depth)]
    ffn_sizes = [draw(st.sampled_from([1, 5, 40, 64])) for _ in range(depth)]
    config = ElasticConfig(
        vocab_size=40,
        hidden_size=draw(st.sampled_from([1, 7, 16, 24, 40])),
        heads=tuple(heads[:1] * depth if alike else heads),
        head_size=draw(st.sampled_from([4, 12])),  # two heads of 12 are as wide as the template
        ffn_sizes=tuple(ffn_sizes[:1] * depth if alike else ffn_sizes),
        max_position_embeddings=draw(st.sampled_from([16, 30])),
        type_vocab_size=draw(st.integers(1, 2)),
        num_labels=draw(st.integers(2, 6)),
        embedding_rank=draw(st.none() | st.integers(1, 9)),
    )
    return randomised(ElasticForSequenceClassification(config), seed=draw(st.integers(0, 1000))).eval()


def both(model: ElasticForSequenceClassification, quantisation: Quantisation, folder: Path) -> tuple[Path, Path]:
    """A model's file by its template, and by the plain export."""
    fast, plain = folder / "fast.onnx", folder / "plain.onnx"
    fast.write_bytes(filled_graph(model, int8=quantisation == "dynamic-int8").SerializeToString())
    export_onnx(model, plain)
    if quantisation == "dynamic-int8":
        quantise_dynamically(plain)
    return fast, plain


def logits(path: Path, inputs: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ids, mask = (value.numpy() for value in inputs)
    return np.asarray(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])


def assert_answers_alike(
    fast: Path, plain: Path, inputs: tuple[torch.Tensor, torch.Tensor], quantisation: Quantisation
) -> None:
    # Not to the last bit: onnxruntime adds in another order from session to session, and may so round to another int8.
    tolerance = 1e-5 if quantisation == "none" else 1e-2
    np.testing.assert_allclose(logits(fast, inputs), logits(plain, inputs), atol=tolerance, rtol=tolerance)


def initializers(model: onnx.ModelProto) -> dict[str, tuple[int, tuple[int, ...], bytes]]:
    return {
        weight.name: (weight.data_type, tuple(weight.dims), onnx.numpy_helper.to_array(weight).tobytes())
        for weight in model.graph.initializer
    }


def assert_the_same(fast: Path, plain: Path) -> None:
    one, other = onnx.load(fast), onnx.load(plain)
    assert initializers(one) == initializers(other)
    assert list(one.graph.node) == list(other.graph.node)
    assert list(one.graph.input) == list(other.graph.input)
    assert list(one.graph.output) == list(other.graph.output)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=encoders())
def test_a_file_by_the_template_is_that_of_the_plain_export(
    quantisation: Quantisation, model: ElasticForSequenceClassification, tmp_path: Path
) -> None:
    fast, plain = both(model, quantisation, tmp_path)
    assert_the_same(fast, plain)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
@pytest.mark.parametrize("architecture", [ALL_OF_MINILM, SOME_OF_MINILM], ids=["all", "some"])
def test_minilm_by_the_template_answers_as_by_the_plain_export(
    quantisation: Quantisation, architecture: Architecture, bench: Workbench, minilm: Backbone, tmp_path: Path
) -> None:
    fast, plain = both(cut(bench.pretrained, architecture), quantisation, tmp_path)
    inputs = minilm.tokenizer(["turn on the kitchen light", "no"], padding=True, return_tensors="pt")
    given_inputs = (inputs["input_ids"], inputs["attention_mask"])
    assert_answers_alike(fast, plain, given_inputs, quantisation)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
@pytest.mark.parametrize(
    "others", [{"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"layer_norm_eps": 0.5}], ids=str
)
def test_activation_and_normalisation_are_the_models_own(
    quantisation: Quantisation, others: dict[str, str | float], tmp_path: Path
) -> None:
    model = small_encoder(**others)
    fast, plain = both(model, quantisation, tmp_path)
    assert_answers_alike(fast, plain, small_inputs(), quantisation)
    with torch.inference_mode():
        expected = model(*small_inputs()).logits.numpy()
    if quantisation == "none":
        np.testing.assert_allclose(logits(fast, small_inputs()), expected, atol=1e-4)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_weights_that_are_all_alike_change_nothing(quantisation: Quantisation, tmp_path: Path) -> None:
    # The plain export writes equal weights down once.
    untrained = ElasticForSequenceClassification(small_encoder().config).eval()
    fast, plain = both(untrained, quantisation, tmp_path)
    assert_answers_alike(fast, plain, small_inputs(), quantisation)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_a_file_is_whole_by_itself(quantisation: Quantisation, tmp_path: Path) -> None:
    fast, _ = both(small_encoder(), quantisation, tmp_path)
    graph = onnx.load(fast, load_external_data=False)
    onnx.checker.check_model(graph, full_check=True)
    assert not any(weight.external_data for weight in graph.graph.initializer)


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_one_model_leaves_nothing_behind_for_the_next(quantisation: Quantisation, tmp_path: Path) -> None:
    one = small_encoder(num_labels=2)
    narrow = Architecture(layers=(0, 1, 2), heads=(1, 2, 3), ffn_sizes=(5, 5, 5), hidden_size=9)
    other = cut(small_encoder(num_labels=5, seed=1), narrow)
    paths = [tmp_path / f"{number}.onnx" for number in range(3)]
    for model, path in zip((one, other, one), paths, strict=True):
        path.write_bytes(filled_graph(model, int8=quantisation == "dynamic-int8").SerializeToString())
    assert paths[0].read_bytes() == paths[2].read_bytes()
    assert [logits(path, small_inputs()).shape for path in paths] == [(3, 2), (3, 5), (3, 2)]


def test_the_same_model_is_the_same_file_in_another_process(tmp_path: Path) -> None:
    model, path = small_encoder(), tmp_path / "here.onnx"
    path.write_bytes(filled_graph(model, int8=True).SerializeToString())
    finished = subprocess.run(
        [sys.executable, "-c", DIGEST_ELSEWHERE, str(tmp_path / "elsewhere.onnx")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_making_a_template_leaves_the_state_of_chance_alone() -> None:
    model = small_encoder(layer_norm_eps=3e-7)  # as no other here, so that its template is new
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    filled_graph(model)
    assert torch.equal(torch.rand(3), expected)


def test_a_changed_weight_is_in_the_next_file() -> None:
    model = small_encoder()
    for name, weight in model.named_parameters():
        if name.endswith("key.bias"):
            continue  # moves all scores of a query alike, which softmax takes no notice of
        before = initializers(filled_graph(model))
        with torch.no_grad():
            weight.neg_()
        after = initializers(filled_graph(model))
        assert sum(before[key] != after[key] for key in before) == 1, name
