"""Single-label classification: each text has exactly one of the labels, which it is known by the index of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from search.tasks.kinds.kind import Kind


def accuracy(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """The share of texts with the right label."""
    from sklearn.metrics import accuracy_score  # a second to import, and not for `--help`

    return float(accuracy_score(labels, predicted))


def macro_f1(labels: Sequence[int], predicted: Sequence[int]) -> float:
    """The mean over labels of the harmonic mean of precision and recall."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, average="macro", zero_division=0.0))


def softmax(logits: np.ndarray) -> np.ndarray:
    """The (texts, labels) probabilities."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def answer(logits: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """The likeliest label of a text, and its probability."""
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    return {"label": labels[int(logits.argmax())], "probability": float(probabilities.max())}


@dataclass(frozen=True)
class SingleLabel(Kind):
    """One label a text, the likeliest."""

    name = "single-label"
    gives = "one of them"
    metrics: ClassVar = {"accuracy": accuracy, "macro-f1": macro_f1}
    answer = staticmethod(answer)

    def strata(self, labels: Sequence[int]) -> np.ndarray:
        """Each label is a stratum."""
        return np.asarray(labels)

    def predict(self, logits: np.ndarray) -> np.ndarray:
        """The (texts,) indices of the likeliest labels."""
        return np.asarray(logits.argmax(axis=1))

    def distance(self, logits: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The largest difference in any label's probability."""
        return np.asarray(np.abs(softmax(logits) - softmax(others)).max(axis=1))
