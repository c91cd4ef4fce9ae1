"""How sure a score is: 95% intervals over resamplings of the texts.

The percentile bootstrap (Efron and Tibshirani 1993); Berg-Kirkpatrick et al. 2012 on its use for NLP.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.tasks import Task

N_RESAMPLES = 1000


def score_interval(
    task: Task, labels: Sequence[int], predicted: np.ndarray, by_other: np.ndarray | None = None
) -> tuple[float, float]:
    """The interval of a model's score or, beside another model, of how much better it is.

    Args:
        task: Has the metric.
        labels: The true labels of the texts.
        predicted: The model's.
        by_other: The other model's, of the same texts, which are resampled together.
    """
    rng, truth = np.random.default_rng(0), np.asarray(labels)
    values = []
    for _ in range(N_RESAMPLES):
        drawn = rng.integers(len(truth), size=len(truth))
        other = 0.0 if by_other is None else _score(task, truth[drawn], by_other[drawn])
        values.append(_score(task, truth[drawn], predicted[drawn]) - other)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _score(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    return task.score(labels.tolist(), predicted.tolist())
