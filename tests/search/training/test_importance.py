from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch

from search.models.elastic import ElasticForSequenceClassification
from search.study.workbench import Workbench
from search.training.fine_tuning import label_loss
from search.training.importance import SCORERS, order_channels
from spaces import Importance


@pytest.fixture(scope="module")
def small(bench: Workbench) -> ElasticForSequenceClassification:
    """Two layers of minilm."""
    from spaces import Architecture, Candidate, Compression

    sizes = Architecture.uniform((0, 5), heads=4, ffn_size=64, hidden_size=96)
    return bench.maker.cut(Candidate(architecture=sizes, compression=Compression()), bench.pretrained)


def logits(model: ElasticForSequenceClassification) -> torch.Tensor:
    with torch.inference_mode():
        answer: torch.Tensor = model(torch.tensor([[101, 2735, 2006, 1996, 2422, 102]])).logits
    return answer


def test_every_importance_has_its_scorer() -> None:
    assert set(SCORERS) == set(get_args(Importance))


@pytest.mark.parametrize("importance", get_args(Importance))
class TestEveryImportance:
    """What ordering owes to whoever cuts."""

    def test_the_model_answers_as_before(
        self, importance: Importance, small: ElasticForSequenceClassification, bench: Workbench
    ) -> None:
        model = copy.deepcopy(small)
        order_channels(model, importance, bench.train, bench.task.kind, seed=0)
        torch.testing.assert_close(logits(model), logits(small), atol=1e-5, rtol=0)
        assert not torch.equal(model.layers[0].feed_forward.expand.weight, small.layers[0].feed_forward.expand.weight)
        assert all(weight.grad is None for weight in model.parameters())

    def test_the_same_seed_gives_the_same_order(
        self, importance: Importance, small: ElasticForSequenceClassification, bench: Workbench
    ) -> None:
        models = [copy.deepcopy(small) for _ in range(2)]
        for model in models:
            order_channels(model, importance, bench.train, bench.task.kind, seed=3)
        one, other = (model.state_dict() for model in models)
        assert all(torch.equal(weight, other[name]) for name, weight in one.items())


def test_they_order_differently(small: ElasticForSequenceClassification, bench: Workbench) -> None:
    rows = set()
    for importance in get_args(Importance):
        model = copy.deepcopy(small)
        order_channels(model, importance, bench.train, bench.task.kind, seed=0)
        rows.add(tuple(model.layers[0].feed_forward.expand.bias.tolist()))
    assert len(rows) == len(get_args(Importance))


@pytest.mark.parametrize("importance", ["taylor", "hessian"])
def test_a_channel_that_the_loss_never_sees_comes_last(
    importance: Importance, small: ElasticForSequenceClassification, bench: Workbench
) -> None:
    model = copy.deepcopy(small)
    block = model.layers[0].feed_forward
    with torch.no_grad():
        block.contract.weight[:, 0] = 0
        block.expand.weight[0] *= 100  # by magnitude it would come first
    silent = block.expand.bias[0].item()
    order_channels(model, importance, bench.train, bench.task.kind, seed=0)
    assert model.layers[0].feed_forward.expand.bias[-1].item() == silent


def test_squared_gradients_are_those_of_single_texts(small: ElasticForSequenceClassification, bench: Workbench) -> None:
    from search.training.importance import _square_gradients

    model, expected = copy.deepcopy(small), torch.zeros_like(small.classifier.weight)
    _square_gradients(model, bench.train, bench.task.kind, seed=0)
    squares = model.classifier.weight.grad
    for batch in bench.train.in_order_of_length(1):
        model.zero_grad()
        label_loss(model, bench.task.kind)(batch).backward()
        expected += model.classifier.weight.grad.square()
    torch.testing.assert_close(squares, expected, rtol=1e-3, atol=1e-6)
