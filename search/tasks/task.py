"""A task: a data set with its splits, its labels and its metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from search.tasks.kinds import SINGLE_LABEL, Kind

# Fewer word pieces than this leave no room for a text between the special ones.
MIN_TOKENS = 8
# The splits of a task are the same in every study, whatever the study's seed, so that studies compare.
SPLIT_SEED = 0
# Every candidate of a task is timed on the same texts, so many of them.
N_TIMED_TEXTS = 32


@dataclass(frozen=True)
class Split:
    """Texts with the labels of each, as the task's kind has them: where there is one for each, its index."""

    texts: tuple[str, ...]
    labels: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def sample(self, n: int, seed: int) -> Split:
        """At most ``n`` examples, drawn without replacement and always the same for one seed."""
        chosen = np.random.default_rng(seed).permutation(len(self))[:n]
        return Split(tuple(self.texts[i] for i in chosen), tuple(self.labels[i] for i in chosen))


@dataclass(frozen=True, kw_only=True)
class Task:
    """A text classification with fixed splits.

    Attributes:
        name: What consoles and MLflow call it.
        kind: What is asked of a text.
        labels: The label names; a split's labels index them.
        metric: What ``score`` computes: one of the kind's.
        max_tokens: Texts are cut after this many word pieces.
        train: The split that candidates learn from.
        validation: The split that candidates are chosen by.
        read_test: Reads the test split; kept a function so that nothing reads it by accident.
        source: Where the data comes from and under which licence, a line for the model card.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    validation: Split
    read_test: Callable[[], Split] = field(repr=False)
    kind: Kind = SINGLE_LABEL
    metric: str = "accuracy"
    max_tokens: int = 128
    source: str = ""

    @cached_property
    def test(self) -> Split:
        """The test split, for the report on a winner and nothing else."""
        return self.read_test()

    def score(self, labels: Sequence[Any], predicted: Sequence[Any]) -> float:
        """The task's metric of predictions against the true labels, from 0 to 1, higher is better."""
        return self.kind.metrics[self.metric](labels, predicted)
