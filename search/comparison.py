"""The comparison that a user asks for first: what the recommended candidate gains over the full-size model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search.artifacts.scoring import artifact_logits
from search.tasks import Task
from trackers.records import Comparison, TrialRecord

N_RESAMPLES = 1000


def compare(
    chosen: tuple[TrialRecord, Path], full: tuple[TrialRecord, Path], task: Task, batch_size: int
) -> Comparison:
    """Compare two trials on the test split, which nothing before has read.

    Args:
        chosen: The recommended trial, and where its artefact lies.
        full: That of the full-size model.
        task: Has the test split.
        batch_size: Texts of one inference.
    """
    predicted, by_full = (
        artifact_logits(folder, task.test.texts, batch_size).argmax(axis=1) for _, folder in (chosen, full)
    )
    low, high = paired_interval(task, task.test.labels, predicted, by_full)
    full_score = task.score(task.test.labels, by_full.tolist())
    return Comparison(
        faster=full[0].costs["latency_ms"] / chosen[0].costs["latency_ms"],
        smaller=full[0].costs["size_mb"] / chosen[0].costs["size_mb"],
        score_gain=task.score(task.test.labels, predicted.tolist()) - full_score,
        low=low,
        high=high,
        full_score=full_score,
        n_texts=len(task.test),
    )


def paired_interval(
    task: Task, labels: Sequence[int], predicted: np.ndarray, by_other: np.ndarray
) -> tuple[float, float]:
    """The 95% interval of the difference of two models' scores on the same texts, which are resampled together.

    The percentile bootstrap (Efron and Tibshirani 1993); Berg-Kirkpatrick et al. 2012 on its use for NLP.
    """
    rng, truth = np.random.default_rng(0), np.asarray(labels)
    gains = []
    for _ in range(N_RESAMPLES):
        drawn = rng.integers(len(truth), size=len(truth))
        gains.append(_score(task, truth[drawn], predicted[drawn]) - _score(task, truth[drawn], by_other[drawn]))
    low, high = np.percentile(gains, [2.5, 97.5])
    return float(low), float(high)


def _score(task: Task, labels: np.ndarray, predicted: np.ndarray) -> float:
    return task.score(labels.tolist(), predicted.tolist())
