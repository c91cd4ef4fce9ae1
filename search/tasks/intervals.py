"""How sure a score is: 95% intervals over resamplings of the texts.

The percentile bootstrap (Efron and Tibshirani 1993); Berg-Kirkpatrick et al. 2012 on its use for NLP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from search.tasks import Task

N_RESAMPLES = 1000


def score_interval(
    task: Task, labels: Sequence[Any], predicted: np.ndarray, by_other: np.ndarray | None = None
) -> tuple[float, float]:
    """The interval of a model's score or, beside another model, of how much better it is.

    Args:
        task: Has the metric.
        labels: The true labels of the texts.
        predicted: What the model predicts, as the task's kind has it.
        by_other: The same of the other model, for the same texts, which are resampled together.
    """
    rng = np.random.default_rng(0)
    mine, others = predicted.tolist(), None if by_other is None else by_other.tolist()
    values = []
    for _ in range(N_RESAMPLES):
        drawn = rng.integers(len(labels), size=len(labels))
        truth = [labels[i] for i in drawn]
        other = 0.0 if others is None else task.score(truth, [others[i] for i in drawn])
        values.append(task.score(truth, [mine[i] for i in drawn]) - other)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
