from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from search.models.backbones import Backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.ordering import order_by_importance
from search.study.standalone import OwnWeights
from search.study.workbench import Workbench
from search.training.importance import SCORERS
from spaces import Shape
from tests.search.encoders import SMALL, small_encoder, small_inputs


def ordered(model: ElasticForSequenceClassification, by: str) -> ElasticForSequenceClassification:
    """A sorted copy; gradients are those of a loss with arbitrary labels."""
    model = copy.deepcopy(model)
    ids, mask = small_inputs()
    model(ids, mask, labels=torch.tensor([0, 1, 0])).loss.backward()
    order_by_importance(model, SCORERS[by])
    return model


def positions(before: Tensor, after: Tensor) -> list[int]:
    """Where each row of a weight was before."""
    return [int((before == row).all(dim=1).nonzero().item()) for row in after]


def weaken(*weights: Tensor) -> None:
    with torch.no_grad():
        for weight in weights:
            weight *= 1e-3


def head_importance(attention: Any, head_size: int) -> list[float]:
    """The sum of the squares of all that belongs to each head."""
    projections = (attention.query, attention.key, attention.value)
    squares = attention.output.weight.square().sum(dim=0)
    for dense in projections:
        squares = squares + dense.weight.square().sum(dim=1) + dense.bias.square()
    return squares.view(-1, head_size).sum(dim=1).tolist()


@pytest.mark.parametrize("by", SCORERS)
@settings(max_examples=10, deadline=None)
# Two normalised channels are 1 and -1 whatever the weights, so that no gradient tells an order.
@given(seed=st.integers(0, 1000), depth=st.integers(1, 3), heads=st.integers(1, 4), hidden_size=st.integers(3, 16))
def test_a_sorted_model_answers_as_before_in_another_order(
    by: str, seed: int, depth: int, heads: int, hidden_size: int
) -> None:
    shape = Shape(depth=depth, heads=heads, head_size=4, ffn_size=9, hidden_size=hidden_size)
    model = small_encoder(shape, seed)
    after = ordered(model, by)
    ids, mask = small_inputs()
    with torch.inference_mode():
        torch.testing.assert_close(after(ids, mask).logits, model(ids, mask).logits, atol=1e-4, rtol=1e-4)
    assert not torch.equal(after.layers[0].feed_forward.expand.weight, model.layers[0].feed_forward.expand.weight)


@pytest.mark.parametrize("factorised", [{"embedding_rank": 4}, {"dense_rank": 2}], ids=str)
def test_factors_are_sorted_but_for_their_rank(factorised: dict[str, int]) -> None:
    model = small_encoder(**factorised)
    after = ordered(model, "magnitude")
    with torch.inference_mode():
        torch.testing.assert_close(after(*small_inputs()).logits, model(*small_inputs()).logits, atol=1e-4, rtol=1e-4)
    assert not torch.equal(after.embeddings.position.weight, model.embeddings.position.weight)
    assert not torch.equal(after.layers[0].feed_forward.norm.bias, model.layers[0].feed_forward.norm.bias)


def test_minilm_sorted_answers_as_minilm(bench: Workbench, minilm: Backbone) -> None:
    inputs = minilm.tokenizer(["turn on the kitchen light", "no"], padding=True, return_tensors="pt")
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    original = minilm.full_model(bench.task.labels, bench.config.seed).eval()
    by_magnitude = OwnWeights(bench).ordered("magnitude")
    with torch.inference_mode():
        torch.testing.assert_close(by_magnitude(ids, mask).logits, original(ids, mask).logits, atol=1e-5, rtol=0)
    assert not torch.equal(by_magnitude.pooler.weight, original.pooler.weight)


@pytest.mark.parametrize("by", SCORERS)
def test_heads_stay_whole_and_move_together_in_query_key_value_and_output(by: str) -> None:
    small = small_encoder()
    before: Any
    after: Any
    model = ordered(small, by)
    hidden = positions(small.embeddings.word.weight.T, model.embeddings.word.weight.T)
    for before, after in zip(small.layers, model.layers, strict=True):
        moved = positions(before.attention.value.weight[:, hidden], after.attention.value.weight)
        assert all(moved[i : i + 4] == list(range(moved[i], moved[i] + 4)) for i in range(0, 16, 4))
        assert sorted(moved) == list(range(16))
        assert moved == positions(before.attention.query.weight[:, hidden], after.attention.query.weight)
        assert moved == positions(before.attention.key.weight[:, hidden], after.attention.key.weight)
        assert moved == positions(before.attention.output.weight.T[:, hidden], after.attention.output.weight.T)


@pytest.mark.parametrize("by", ["magnitude", "taylor"])
def test_heads_come_in_the_order_of_their_importance(by: str) -> None:
    model: Any = small_encoder()
    attention = model.layers[0].attention
    for times, head in ((1, 1), (2, 2)):  # head 2 is weaker than head 1, and both than 0 and 3
        rows = slice(4 * head, 4 * head + 4)
        for _ in range(times):
            weaken(attention.output.weight[:, rows])
            for dense in (attention.query, attention.key, attention.value):
                weaken(dense.weight[rows], dense.bias[rows])
    after: Any = ordered(model, by).layers[0].attention
    heads = [row // 4 for row in positions(attention.value.bias[:, None], after.value.bias[:, None])[::4]]
    assert heads[2:] == [1, 2]


@pytest.mark.parametrize("by", ["magnitude", "taylor"])
def test_channels_come_in_the_order_of_their_importance(by: str) -> None:
    model: Any = small_encoder()
    feed_forward = model.layers[1].feed_forward
    weak = [0, 5, 11]
    for channel in weak:
        weaken(feed_forward.expand.weight[channel], feed_forward.expand.bias[channel : channel + 1])
        weaken(feed_forward.contract.weight[:, channel])
    after: Any = ordered(model, by).layers[1].feed_forward
    moved = positions(feed_forward.expand.bias[:, None], after.expand.bias[:, None])
    assert set(moved[-3:]) == set(weak)


@pytest.mark.parametrize("by", ["magnitude", "taylor"])
def test_hidden_channels_come_in_the_order_of_their_importance_in_all_layers_alike(by: str) -> None:
    model: Any = small_encoder()
    weak = [2, 9]
    for name, weight in model.named_parameters():
        for channel in weak:
            if "embeddings" in name and weight.ndim == 2:
                weaken(weight[:, channel])
            elif "norm" in name or name.endswith(("output.bias", "contract.bias")):
                weaken(weight[channel : channel + 1])
            elif name.endswith(("output.weight", "contract.weight")):
                weaken(weight[channel])
            elif name.endswith(("query.weight", "key.weight", "value.weight", "expand.weight", "pooler.weight")):
                weaken(weight[:, channel])
    after: Any = ordered(model, by)
    moved = positions(model.embeddings.norm.bias[:, None], after.embeddings.norm.bias[:, None])
    assert set(moved[-2:]) == set(weak)
    for before, sorted_layer in zip(model.layers, after.layers, strict=True):
        assert moved == positions(before.feed_forward.norm.bias[:, None], sorted_layer.feed_forward.norm.bias[:, None])


def test_what_makes_no_difference_to_the_loss_is_last_by_taylor_however_large() -> None:
    model: Any = small_encoder()
    feed_forward = model.layers[1].feed_forward
    with torch.no_grad():
        feed_forward.expand.weight[3] *= 100
        feed_forward.contract.weight[:, 3] = 0
    by_taylor: Any = ordered(model, "taylor").layers[1].feed_forward.expand.bias
    by_magnitude: Any = ordered(model, "magnitude").layers[1].feed_forward.expand.bias
    assert by_taylor[-1] == feed_forward.expand.bias[3]
    assert by_magnitude[0] == feed_forward.expand.bias[3]


def test_a_sorted_model_is_ordered_already() -> None:
    once = ordered(small_encoder(), "magnitude")
    again = ordered(once, "magnitude").state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in once.state_dict().items())


def test_the_heads_of_minilm_that_come_first_outweigh_the_rest(bench: Workbench) -> None:
    layer: Any
    for layer in OwnWeights(bench).ordered("magnitude").layers:
        importance = head_importance(layer.attention, head_size=32)
        ranked = sorted(range(12), key=lambda head: importance[head], reverse=True)
        # Norms may be scaled before they are added, so that neighbours in the ranking may change places.
        assert len(set(range(6)) & set(ranked[:6])) >= 5


def test_sorting_by_magnitude_needs_no_gradients_and_leaves_every_weight_ready_to_learn() -> None:
    model = small_encoder(SMALL)
    order_by_importance(model, SCORERS["magnitude"])
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())
    ids, mask = small_inputs()
    model(ids, mask).logits.square().sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())
