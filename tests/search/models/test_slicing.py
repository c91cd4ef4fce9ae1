from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

from search.models.backbones import Backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import axes_of, cut, resized, run_slice
from search.study.workbench import Workbench
from spaces import Architecture, Shape
from tests.search.encoders import SMALL, architectures, small_encoder, small_inputs

TEXTS = ["turn on the kitchen light", "wake me in ten minutes, please", "no"]
EVERYTHING = Architecture(layers=(0, 1, 2), heads=(4,) * 3, ffn_sizes=(12,) * 3, hidden_size=16)
SOME = Architecture(layers=(0, 2), heads=(3, 1), ffn_sizes=(5, 12), hidden_size=10)
FACTORISED: list[dict[str, Any]] = [{"embedding_rank": 4}, {"dense_rank": 2}]

examples = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def small() -> ElasticForSequenceClassification:
    return small_encoder()


def corners(weights: Mapping[str, Tensor], model: nn.Module, layers: tuple[int, ...]) -> dict[str, Tensor]:
    """The corner of each full weight that is as large as the cut model's, by its name there."""
    found = {}
    for name, weight in model.named_parameters():
        full_name = re.sub(r"layers\.(\d+)", lambda match: f"layers.{layers[int(match[1])]}", name)
        found[name] = weights[full_name][tuple(slice(size) for size in weight.shape)]
    return found


def silenced(full: ElasticForSequenceClassification, architecture: Architecture) -> ElasticForSequenceClassification:
    """The full model without its dropped layers, what reads the dropped heads and channels set to zero."""
    model: Any = copy.deepcopy(full)
    model.layers = nn.ModuleList([model.layers[layer] for layer in architecture.layers])
    model.config.num_hidden_layers = architecture.depth
    layer: Any
    with torch.no_grad():
        for layer, heads, size in zip(model.layers, architecture.heads, architecture.ffn_sizes, strict=True):
            layer.attention.output.weight[:, heads * model.config.head_size :] = 0
            layer.feed_forward.contract.weight[:, size:] = 0
    return model


@pytest.mark.parametrize("others", [{}, *FACTORISED, {"shared_layers": True}], ids=str)
def test_every_axis_is_as_long_as_what_it_counts(others: dict[str, Any]) -> None:
    model = small_encoder(Shape(depth=2, heads=3, head_size=5, ffn_size=36, hidden_size=32), num_labels=7, **others)
    sizes = {"hidden": 32, "pooled": 32, "heads": 15, "ffn": 36}
    axes = axes_of(model)
    for name, weight in model.named_parameters():
        assert len(axes[name]) == weight.ndim
        for counted, size in zip(axes[name], weight.shape, strict=True):
            assert size == sizes[counted] if counted else size not in sizes.values()


@pytest.mark.parametrize("factorised", FACTORISED, ids=str)
def test_factors_are_cut_but_for_their_rank(factorised: dict[str, int]) -> None:
    full = small_encoder(**factorised)
    model, (ids, mask) = cut(full, SOME), small_inputs()
    expected = corners(full.state_dict(), model, SOME.layers)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())
    assert model.state_dict().keys() != cut(small_encoder(), SOME).state_dict().keys()
    torch.testing.assert_close(run_slice(full, SOME, ids, mask).logits, model(ids, mask).logits)


@examples
@given(architecture=architectures())
def test_a_cut_model_has_exactly_the_sizes_of_its_architecture(
    architecture: Architecture, small: ElasticForSequenceClassification
) -> None:
    model = cut(small, architecture)
    hidden = architecture.hidden_size
    sizes = [(4 * heads, ffn_size) for heads, ffn_size in zip(architecture.heads, architecture.ffn_sizes, strict=True)]
    layers: list[Any] = list(model.layers)
    for dense in ("query", "key", "value"):
        weights = [getattr(layer.attention, dense).weight.shape for layer in layers]
        assert weights == [(channels, hidden) for channels, _ in sizes]
        assert [getattr(layer.attention, dense).bias.shape for layer in layers] == [(n,) for n, _ in sizes]
    assert [layer.attention.output.weight.shape for layer in layers] == [(hidden, channels) for channels, _ in sizes]
    assert [layer.feed_forward.expand.weight.shape for layer in layers] == [(ffn, hidden) for _, ffn in sizes]
    assert [layer.feed_forward.contract.weight.shape for layer in layers] == [(hidden, ffn) for _, ffn in sizes]
    assert model.embeddings.word.weight.shape == (40, hidden)
    assert model.classifier.weight.shape == (2, hidden)
    assert model.config.heads == list(architecture.heads)
    assert model.config.ffn_sizes == list(architecture.ffn_sizes)
    assert model.config.hidden_size == hidden
    assert model.config.num_hidden_layers == architecture.depth
    fresh = ElasticForSequenceClassification(copy.deepcopy(model.config)).state_dict()
    assert {name: weight.shape for name, weight in model.state_dict().items()} == {
        name: weight.shape for name, weight in fresh.items()
    }


@examples
@given(architecture=architectures())
def test_every_weight_of_a_cut_model_is_the_first_corner_of_the_full_one(
    architecture: Architecture, small: ElasticForSequenceClassification
) -> None:
    model = cut(small, architecture)
    expected = corners(small.state_dict(), model, architecture.layers)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


@examples
@given(architecture=architectures(min_hidden_size=SMALL.hidden_size))
def test_a_cut_model_of_full_width_answers_as_the_full_one_with_the_rest_silenced(
    architecture: Architecture, small: ElasticForSequenceClassification
) -> None:
    ids, mask = small_inputs()
    with torch.inference_mode():
        expected = silenced(small, architecture)(ids, mask).logits
        torch.testing.assert_close(cut(small, architecture)(ids, mask).logits, expected, atol=1e-5, rtol=1e-5)


@examples
@given(architecture=architectures())
def test_a_slice_answers_as_the_cut_model(architecture: Architecture, small: ElasticForSequenceClassification) -> None:
    ids, mask = small_inputs()
    with torch.inference_mode():
        expected = cut(small, architecture)(ids, mask, output_hidden_states=True)
        answer = run_slice(small, architecture, ids, mask, output_hidden_states=True)
    torch.testing.assert_close(answer.logits, expected.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(answer.hidden_states, expected.hidden_states, atol=1e-5, rtol=1e-5)
    assert run_slice(small, architecture, ids, mask).hidden_states is None


@examples
@given(architecture=architectures())
def test_a_slice_teaches_its_corner_as_the_cut_model_would_learn_and_nothing_else(
    architecture: Architecture, small: ElasticForSequenceClassification
) -> None:
    ids, mask = small_inputs()
    small.zero_grad()
    model = cut(small, architecture)
    run_slice(small, architecture, ids, mask).logits.square().sum().backward()
    model(ids, mask).logits.square().sum().backward()
    gradients = {name: torch.zeros_like(w) if w.grad is None else w.grad for name, w in small.named_parameters()}
    found = corners(gradients, model, architecture.layers)
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        torch.testing.assert_close(found[name], weight.grad, atol=1e-4, rtol=1e-4)
    # All that is outside the corners is zero if they hold all there is.
    assert sum(int(gradient.count_nonzero()) for gradient in gradients.values()) == sum(
        int(gradient.count_nonzero()) for gradient in found.values()
    )


def test_minilm_cut_answers_as_minilm_with_the_rest_silenced(bench: Workbench) -> None:
    architecture = Architecture(layers=(0, 3, 5), heads=(4, 12, 7), ffn_sizes=(384, 1000, 1536), hidden_size=384)
    inputs = bench.backbone.tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    with torch.inference_mode():
        expected = silenced(bench.pretrained, architecture)(ids, mask).logits
        torch.testing.assert_close(cut(bench.pretrained, architecture)(ids, mask).logits, expected, atol=1e-5, rtol=0)
        assert not torch.allclose(expected, bench.pretrained(ids, mask).logits, atol=1e-3)


def test_a_cut_model_answers_the_same_when_saved_and_loaded(bench: Workbench, minilm: Backbone, tmp_path: Path) -> None:
    architecture = Architecture(layers=(1, 4), heads=(3, 8), ffn_sizes=(100, 513), hidden_size=200)
    model = cut(bench.pretrained, architecture)
    model.save_pretrained(tmp_path)
    loaded = ElasticForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = minilm.tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    assert torch.equal(loaded(ids, mask).logits, model(ids, mask).logits)
    assert loaded.config.id2label == {0: "lights", 1: "timers"}


def test_keeping_everything_changes_nothing(small: ElasticForSequenceClassification) -> None:
    weights = cut(small, EVERYTHING).state_dict()
    assert weights.keys() == small.state_dict().keys()
    assert all(torch.equal(weight, weights[name]) for name, weight in small.state_dict().items())
    ids, mask = small_inputs()
    assert torch.equal(run_slice(small, EVERYTHING, ids, mask).logits, small(ids, mask).logits)


def test_a_cut_model_can_be_cut_again(small: ElasticForSequenceClassification) -> None:
    again = Architecture(layers=(1,), heads=(1,), ffn_sizes=(3,), hidden_size=7)
    at_once = Architecture(layers=(2,), heads=(1,), ffn_sizes=(3,), hidden_size=7)
    twice, once = cut(cut(small, SOME), again), cut(small, at_once)
    assert (twice.config.heads, twice.config.ffn_sizes) == ([1], [3])
    ids, mask = small_inputs()
    assert torch.equal(twice(ids, mask).logits, once(ids, mask).logits)


def test_cutting_leaves_the_full_model_as_it_was() -> None:
    full, untouched = small_encoder(), small_encoder()
    model = cut(full, SOME)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    weights = untouched.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in full.state_dict().items())
    assert full.config.to_dict() == untouched.config.to_dict()


def test_a_cut_model_is_ready_to_answer_and_can_learn() -> None:
    full = small_encoder().train()
    model = cut(full, SOME)
    assert not model.training
    assert all(weight.requires_grad and weight.is_leaf for weight in model.parameters())
    assert all(weight.is_contiguous() for weight in model.parameters())


def test_a_resized_configuration_keeps_the_rest_and_leaves_the_given_one_alone() -> None:
    config = small_encoder(id2label={0: "a", 1: "b", 2: "c"}, hidden_act="relu").config
    smaller = resized(config, SOME)
    assert (smaller.hidden_size, smaller.heads, smaller.ffn_sizes) == (10, [3, 1], [5, 12])
    assert (smaller.id2label, smaller.hidden_act, smaller.head_size) == ({0: "a", 1: "b", 2: "c"}, "relu", 4)
    assert (config.hidden_size, config.heads, config.num_hidden_layers) == (16, [4, 4, 4], 3)


@pytest.mark.parametrize(
    "larger",
    [
        {"heads": (5,)},
        {"ffn_sizes": (13,)},
        {"layers": (3,)},
        {"hidden_size": 17},
    ],
    ids=["heads", "ffn_sizes", "layers", "hidden_size"],
)
def test_an_architecture_larger_than_the_model_is_refused(
    larger: dict[str, Any], small: ElasticForSequenceClassification
) -> None:
    fitting = {"layers": (0,), "heads": (4,), "ffn_sizes": (12,), "hidden_size": 16}
    with pytest.raises(ValueError, match="can't be cut from"):
        cut(small, Architecture(**{**fitting, **larger}))


def test_the_sizes_of_a_layer_are_held_against_that_very_layer(small: ElasticForSequenceClassification) -> None:
    uneven = cut(small, SOME)
    with pytest.raises(ValueError, match="3 heads"):
        cut(uneven, Architecture(layers=(1,), heads=(3,), ffn_sizes=(5,), hidden_size=10))
    fitting = Architecture(layers=(1,), heads=(1,), ffn_sizes=(12,), hidden_size=10)
    assert cut(uneven, fitting).config.ffn_sizes == [12]
