from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from torch import Tensor
from torch.nn import functional

from search.tasks.kinds import KINDS, SINGLE_LABEL, Kind
from search.training.losses import LOSSES, Losses
from tests.contracts.kinds import EveryKind, KindSubject


class TestSingleLabel(EveryKind):
    @pytest.fixture
    def subject(self) -> KindSubject:
        right = np.array([[3.0, -1.0], [-2.0, 2.0], [0.5, -2.0], [-1.0, 0.5]], dtype=np.float32)
        return KindSubject(
            kind=SINGLE_LABEL,
            labels=[0, 1, 0, 1],
            right=right,
            wrong=right[:, ::-1].copy(),
            labels_of=lambda index: index,
        )


def answer(logits: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """The labels that a text has, and their probabilities."""
    probabilities = 1 / (1 + np.exp(-logits))
    found = [index for index in range(len(labels)) if probabilities[index] > 0.5]
    return {"labels": {labels[index]: float(probabilities[index]) for index in found}}


def exact_match(labels: Sequence[Any], predicted: Sequence[Any]) -> float:
    return float((np.array(labels) == np.array(predicted)).all(axis=1).mean())


def micro_f1(labels: Sequence[Any], predicted: Sequence[Any]) -> float:
    true, found = np.array(labels), np.array(predicted)
    return float(2 * (true * found).sum() / (true.sum() + found.sum()))


def sigmoid_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, labels.float())


def soft_sigmoid_cross_entropy(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, teacher_logits.sigmoid())


@dataclass(frozen=True)
class MultiLabel(Kind):
    """Any of the labels: nothing but this class and its two losses makes the kind."""

    name = "multi-label"
    gives = "any number of them"
    metrics: ClassVar = {"micro-f1": micro_f1, "exact-match": exact_match}
    answer = staticmethod(answer)

    def strata(self, labels: Sequence[Any]) -> np.ndarray:
        """Each combination of labels is a stratum."""
        return np.unique(np.array(labels), axis=0, return_inverse=True)[1].reshape(-1)

    def predict(self, logits: np.ndarray) -> np.ndarray:
        """(texts, labels), 1 where a text has the label."""
        return (logits > 0).astype(int)

    def distance(self, logits: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The largest difference in any label's probability."""
        one, other = (1 / (1 + np.exp(-values)) for values in (logits, others))
        return np.asarray(np.abs(one - other).max(axis=1))


class TestAKindThatNothingElseKnows(EveryKind):
    @pytest.fixture
    def subject(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[KindSubject]:
        kind = MultiLabel()
        losses = Losses(hard=sigmoid_cross_entropy, soft=soft_sigmoid_cross_entropy)
        with monkeypatch.context() as patch:
            patch.setitem(KINDS, kind.name, kind)
            patch.setitem(LOSSES, kind.name, losses)
            right = np.array([[3.0, -1.0], [-2.0, 2.0], [0.5, 2.0], [-1.0, -3.0]], dtype=np.float32)
            yield KindSubject(
                kind=kind,
                labels=[(1, 0), (0, 1), (1, 1), (0, 0)],
                right=right,
                wrong=-right,
                labels_of=lambda index: ((1, 0), (0, 1))[index],
            )
