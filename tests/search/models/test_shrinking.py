from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from search.models.backbones import Backbone, elastic_config
from search.models.elastic import ElasticForSequenceClassification
from search.models.shrinking import candidate_model, shrink
from spaces import Architecture, Shape

# Small enough to cut a hundred times; its heads and channels differ in importance as random ones do.
SMALL = Shape(depth=3, heads=4, head_size=4, ffn_size=12, hidden_size=16)
TEXTS = ["turn on the kitchen light", "wake me in ten minutes, please", "no"]


@pytest.fixture(scope="module")
def small() -> ElasticForSequenceClassification:
    torch.manual_seed(0)
    config = elastic_config(SMALL, vocab_size=40, max_position_embeddings=16, initializer_range=0.5)
    model = ElasticForSequenceClassification(config).eval()
    for layer in model.layers:
        for dense in (layer.attention.query, layer.attention.value, layer.feed_forward.expand):
            nn.init.normal_(dense.bias)
    return model


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    layers = sorted(draw(st.sets(st.integers(0, SMALL.depth - 1), min_size=1)))
    return Architecture(
        layers=tuple(layers),
        heads=tuple(draw(st.integers(1, SMALL.heads)) for _ in layers),
        ffn_sizes=tuple(draw(st.integers(1, SMALL.ffn_size)) for _ in layers),
        hidden_size=SMALL.hidden_size,
    )


def kept_rows(full: Tensor, shrunk: Tensor) -> list[int]:
    """Which rows of the full weight the shrunk one still has, in its order."""
    return [int((full == row).all(dim=1).nonzero().item()) for row in shrunk]


def silence(column_weight: Tensor, kept: list[int]) -> list[int]:
    removed = sorted(set(range(column_weight.shape[1])) - set(kept))
    with torch.no_grad():
        column_weight[:, removed] = 0
    return removed


def silenced(
    full: ElasticForSequenceClassification, shrunk: ElasticForSequenceClassification, layers: tuple[int, ...]
) -> ElasticForSequenceClassification:
    """The full model without its dropped layers, the output columns of what was cut away set to zero."""
    model: Any = copy.deepcopy(full)
    model.layers = nn.ModuleList([model.layers[layer] for layer in layers])
    layer: Any
    cut: Any
    for layer, cut in zip(model.layers, shrunk.layers, strict=True):
        silence(layer.attention.output.weight, kept_rows(layer.attention.value.weight, cut.attention.value.weight))
        expand, cut_expand = layer.feed_forward.expand.weight, cut.feed_forward.expand.weight
        silence(layer.feed_forward.contract.weight, kept_rows(expand, cut_expand))
    return model


def head_importance(attention: Any, head_size: int) -> list[float]:
    """The sum of the squares of all that belongs to each head."""
    projections = (attention.query, attention.key, attention.value)
    squares = attention.output.weight.square().sum(dim=0)
    for dense in projections:
        squares = squares + dense.weight.square().sum(dim=1) + dense.bias.square()
    return squares.view(-1, head_size).sum(dim=1).tolist()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architecture=architectures())
def test_a_shrunk_model_has_exactly_the_sizes_of_its_architecture(
    architecture: Architecture, small: ElasticForSequenceClassification
) -> None:
    model = shrink(copy.deepcopy(small), architecture)
    sizes = [(4 * heads, ffn_size) for heads, ffn_size in zip(architecture.heads, architecture.ffn_sizes, strict=True)]
    layers: list[Any] = list(model.layers)
    for dense in ("query", "key", "value"):
        weights = [getattr(layer.attention, dense).weight.shape for layer in layers]
        assert weights == [(channels, 16) for channels, _ in sizes]
        assert [getattr(layer.attention, dense).bias.shape for layer in layers] == [(n,) for n, _ in sizes]
    assert [layer.attention.output.weight.shape for layer in layers] == [(16, channels) for channels, _ in sizes]
    assert [layer.feed_forward.expand.weight.shape for layer in layers] == [(ffn_size, 16) for _, ffn_size in sizes]
    assert [layer.feed_forward.contract.weight.shape for layer in layers] == [(16, ffn_size) for _, ffn_size in sizes]
    assert model.config.heads == list(architecture.heads)
    assert model.config.ffn_sizes == list(architecture.ffn_sizes)
    assert model.config.num_hidden_layers == architecture.depth
    fresh = ElasticForSequenceClassification(copy.deepcopy(model.config)).state_dict()
    assert {name: weight.shape for name, weight in model.state_dict().items()} == {
        name: weight.shape for name, weight in fresh.items()
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architecture=architectures())
def test_a_shrunk_model_answers_as_the_full_one_with_the_rest_silenced(
    architecture: Architecture, small: ElasticForSequenceClassification
) -> None:
    model = shrink(copy.deepcopy(small), architecture)
    ids = torch.randint(1, 40, (3, 16), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.inference_mode():
        expected = silenced(small, model, architecture.layers)(ids, mask).logits
        torch.testing.assert_close(model(ids, mask).logits, expected, atol=1e-5, rtol=1e-5)


def test_minilm_shrunk_answers_as_minilm_with_the_rest_silenced(minilm: Backbone) -> None:
    architecture = Architecture(layers=(0, 3, 5), heads=(4, 12, 7), ffn_sizes=(384, 1000, 1536), hidden_size=384)
    full = minilm.full_model(("a", "b", "c"), seed=0).eval()
    model = candidate_model(minilm, architecture, ("a", "b", "c"), seed=0).eval()
    inputs = minilm.tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    with torch.inference_mode():
        expected = silenced(full, model, architecture.layers)(ids, mask).logits
        torch.testing.assert_close(model(ids, mask).logits, expected, atol=1e-5, rtol=0)
        assert not torch.allclose(expected, full(ids, mask).logits, atol=1e-3)


def test_heads_leave_and_stay_whole_and_the_same_ones_in_query_key_and_value(
    small: ElasticForSequenceClassification,
) -> None:
    architecture = Architecture(layers=(0, 1, 2), heads=(2, 1, 3), ffn_sizes=(12, 12, 12), hidden_size=16)
    model = shrink(copy.deepcopy(small), architecture)
    before: Any
    after: Any
    for before, after in zip(small.layers, model.layers, strict=True):
        kept = kept_rows(before.attention.value.weight, after.attention.value.weight)
        assert all(kept[i : i + 4] == list(range(kept[i], kept[i] + 4)) for i in range(0, len(kept), 4))
        assert all(kept[i] % 4 == 0 for i in range(0, len(kept), 4))
        assert kept == kept_rows(before.attention.query.weight, after.attention.query.weight)
        assert kept == kept_rows(before.attention.key.weight, after.attention.key.weight)
        assert kept == kept_rows(before.attention.output.weight.T, after.attention.output.weight.T)


def test_the_heads_of_least_importance_are_the_ones_removed(small: ElasticForSequenceClassification) -> None:
    model: Any = copy.deepcopy(small)
    with torch.no_grad():
        for head, scale in ((1, 1e-3), (2, 1e-2)):
            for dense in (
                model.layers[0].attention.query,
                model.layers[0].attention.key,
                model.layers[0].attention.value,
            ):
                dense.weight[4 * head : 4 * head + 4] *= scale
                dense.bias[4 * head : 4 * head + 4] *= scale
            model.layers[0].attention.output.weight[:, 4 * head : 4 * head + 4] *= scale
    full = copy.deepcopy(model.layers[0].attention.value.weight)
    one_less = Architecture(layers=(0,), heads=(3,), ffn_sizes=(12,), hidden_size=16)
    two_less = Architecture(layers=(0,), heads=(2,), ffn_sizes=(12,), hidden_size=16)
    kept_three: Any = shrink(copy.deepcopy(model), one_less).layers[0]
    kept_two: Any = shrink(copy.deepcopy(model), two_less).layers[0]
    assert {row // 4 for row in kept_rows(full, kept_three.attention.value.weight)} == {0, 2, 3}
    assert {row // 4 for row in kept_rows(full, kept_two.attention.value.weight)} == {0, 3}


def test_the_channels_of_least_importance_are_the_ones_removed(small: ElasticForSequenceClassification) -> None:
    model: Any = copy.deepcopy(small)
    weak = [0, 5, 11]
    with torch.no_grad():
        model.layers[1].feed_forward.expand.weight[weak] *= 1e-3
        model.layers[1].feed_forward.expand.bias[weak] *= 1e-3
        model.layers[1].feed_forward.contract.weight[:, weak] *= 1e-3
    full = copy.deepcopy(model.layers[1].feed_forward.expand.weight)
    architecture = Architecture(layers=(1,), heads=(4,), ffn_sizes=(9,), hidden_size=16)
    cut: Any = shrink(model, architecture).layers[0]
    assert kept_rows(full, cut.feed_forward.expand.weight) == [1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_minilm_keeps_heads_that_outweigh_those_it_loses(minilm: Backbone) -> None:
    full: Any = minilm.full_model(("a", "b"), seed=0)
    architecture = Architecture(layers=(2,), heads=(6,), ffn_sizes=(1536,), hidden_size=384)
    cut: Any = candidate_model(minilm, architecture, ("a", "b"), seed=0)
    rows = kept_rows(full.layers[2].attention.value.weight, cut.layers[0].attention.value.weight)
    importance = head_importance(full.layers[2].attention, head_size=32)
    kept = {row // 32 for row in rows}
    ranked = sorted(range(12), key=lambda head: importance[head], reverse=True)
    # Norms may be scaled before they are added, so that neighbours in the ranking may change places.
    assert len(kept & set(ranked[:6])) >= 5


def test_a_shrunk_model_answers_the_same_when_saved_and_loaded(minilm: Backbone, tmp_path: Path) -> None:
    architecture = Architecture(layers=(1, 4), heads=(3, 8), ffn_sizes=(100, 513), hidden_size=384)
    model = candidate_model(minilm, architecture, ("a", "b", "c"), seed=0).eval()
    model.save_pretrained(tmp_path)
    loaded = ElasticForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = minilm.tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    assert torch.equal(loaded(ids, mask).logits, model(ids, mask).logits)


def test_keeping_everything_changes_nothing(small: ElasticForSequenceClassification) -> None:
    everything = Architecture(layers=(0, 1, 2), heads=(4,) * 3, ffn_sizes=(12,) * 3, hidden_size=16)
    model = shrink(copy.deepcopy(small), everything)
    weights = model.state_dict()
    assert weights.keys() == small.state_dict().keys()
    assert all(torch.equal(weight, weights[name]) for name, weight in small.state_dict().items())


def test_a_shrunk_model_can_be_shrunk_again(small: ElasticForSequenceClassification) -> None:
    once = shrink(copy.deepcopy(small), Architecture(layers=(0, 2), heads=(3, 3), ffn_sizes=(8, 8), hidden_size=16))
    twice = shrink(once, Architecture(layers=(1,), heads=(1,), ffn_sizes=(3,), hidden_size=16))
    assert (twice.config.heads, twice.config.ffn_sizes) == ([1], [3])
    assert twice(torch.ones(2, 5, dtype=torch.long)).logits.shape == (2, 2)


def test_shrinking_leaves_the_backbone_as_it_was(
    new_tiny_model: Callable[..., ElasticForSequenceClassification], minilm: Backbone
) -> None:
    before = copy.deepcopy(minilm.weights)
    assert before is not None
    assert minilm.weights is not None
    new_tiny_model()
    assert all(torch.equal(weight, minilm.weights[name]) for name, weight in before.items())
    assert minilm.config.heads == [12] * 6


@pytest.mark.parametrize(
    "larger",
    [
        {"heads": (5,)},
        {"ffn_sizes": (13,)},
        {"layers": (3,)},
        {"hidden_size": 32},
    ],
    ids=["heads", "ffn_sizes", "layers", "hidden_size"],
)
def test_an_architecture_larger_than_the_model_is_refused(
    larger: dict[str, Any], small: ElasticForSequenceClassification
) -> None:
    fitting = {"layers": (0,), "heads": (4,), "ffn_sizes": (12,), "hidden_size": 16}
    with pytest.raises(ValueError, match=r"."):
        shrink(copy.deepcopy(small), Architecture(**{**fitting, **larger}))
