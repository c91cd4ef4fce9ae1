from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch

from search.models.assembling import elastic_config
from search.models.backbones import Backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.tasks import Split, Task
from search.tasks.kinds import SINGLE_LABEL
from search.training.batches import EncodedSplit
from search.training.fine_tuning import evaluate
from search.training.optimisation import Progress
from search.training.super_network import train_super_network
from spaces import Architecture, Shape
from tests.search.encoders import words_of

SHAPE = Shape(depth=2, heads=4, head_size=8, ffn_size=64, hidden_size=32)
LARGEST = Architecture(layers=(0, 1), heads=(4, 4), ffn_sizes=(64, 64), hidden_size=32)
SMALLEST = Architecture(layers=(0,), heads=(2,), ffn_sizes=(32,), hidden_size=24)
MIDDLE = Architecture(layers=(0, 1), heads=(3, 2), ffn_sizes=(40, 50), hidden_size=28)


@pytest.fixture(scope="module")
def texts(tiny_task: Task) -> EncodedSplit:
    """The tiny task's training texts, in a vocabulary of their words."""
    return EncodedSplit(tiny_task.train, words_of(tiny_task.train.texts), max_tokens=16)


@pytest.fixture(scope="module")
def n_words(tiny_task: Task) -> int:
    return len(words_of(tiny_task.train.texts))


def untrained(n_words: int) -> ElasticForSequenceClassification:
    config = elastic_config(SHAPE, vocab_size=n_words, max_position_embeddings=16, initializer_range=0.1)
    return Backbone.new_model(config, ("lights", "timers"), seed=0)


def trained(
    n_words: int,
    texts: EncodedSplit,
    draw: Callable[[], Architecture] = lambda: MIDDLE,
    *,
    epochs: int = 2,
    seed: int = 0,
) -> tuple[ElasticForSequenceClassification, list[tuple[str, Progress]]]:
    """A super-network of a small encoder, and what was told of it."""
    model = untrained(n_words)
    told: list[tuple[str, Progress]] = []

    def on_report(phase: str, progress: Progress) -> None:
        told.append((phase, progress))

    train_super_network(
        model, texts, SINGLE_LABEL, epochs, SMALLEST, draw, importance="taylor", seed=seed, on_report=on_report
    )
    return model, told


@pytest.fixture(scope="module")
def super_network(n_words: int, texts: EncodedSplit) -> ElasticForSequenceClassification:
    drawn = itertools.cycle([MIDDLE, SMALLEST, LARGEST])
    return trained(n_words, texts, lambda: next(drawn), epochs=100)[0]


@pytest.mark.parametrize("architecture", [SMALLEST, MIDDLE, LARGEST], ids=["smallest", "middle", "largest"])
def test_every_slice_is_a_good_classifier_as_it_stands(
    architecture: Architecture, super_network: ElasticForSequenceClassification, tiny_task: Task
) -> None:
    # The words are known, and the sentences are not.
    validation, test = tiny_task.validation, tiny_task.read_test()
    split = Split((*validation.texts, *test.texts), (*validation.labels, *test.labels))
    unseen = EncodedSplit(split, words_of(tiny_task.train.texts), max_tokens=16)
    assert evaluate(cut(super_network, architecture), tiny_task, unseen) > 0.8


def test_first_the_largest_learns_alone_and_then_all_together(n_words: int, texts: EncodedSplit) -> None:
    _, told = trained(n_words, texts)
    assert [(phase, progress.step) for phase, progress in told] == [
        ("alone", 1),
        ("alone", 2),
        *(("together", step) for step in (3, 4, 5, 6)),
    ]
    assert told[-1][1].epochs == 3


def test_another_architecture_is_drawn_for_every_step_together(n_words: int, texts: EncodedSplit) -> None:
    drawn = []

    def draw() -> Architecture:
        drawn.append(MIDDLE)
        return MIDDLE

    trained(n_words, texts, draw)
    assert len(drawn) == 4


def test_what_is_drawn_makes_a_difference(n_words: int, texts: EncodedSplit) -> None:
    one, _ = trained(n_words, texts, lambda: MIDDLE)
    other, _ = trained(n_words, texts, lambda: SMALLEST)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)


def test_one_seed_gives_the_same_weights_to_the_bit_and_another_gives_others(n_words: int, texts: EncodedSplit) -> None:
    one, _ = trained(n_words, texts)
    torch.manual_seed(2)
    same, _ = trained(n_words, texts)
    other, _ = trained(n_words, texts, seed=1)
    weights = same.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in one.state_dict().items())
    assert not torch.equal(one.classifier.weight, other.classifier.weight)


def test_it_is_ready_to_answer_and_keeps_its_sizes_and_no_gradients(n_words: int, texts: EncodedSplit) -> None:
    model, _ = trained(n_words, texts)
    assert not model.training
    assert {name: weight.shape for name, weight in model.state_dict().items()} == {
        name: weight.shape for name, weight in untrained(n_words).state_dict().items()
    }
    assert all(weight.grad is None for weight in model.parameters())
