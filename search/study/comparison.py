"""The comparison that a user asks for first: what the recommended candidate gains over the full-size model."""

from __future__ import annotations

import numpy as np

from results.records import Comparison, TrialRecord
from search.tasks import Task
from search.tasks.intervals import score_interval


def compare(chosen: tuple[TrialRecord, np.ndarray], full: tuple[TrialRecord, np.ndarray], task: Task) -> Comparison:
    """Compare two trials on the test split, which nothing before has read.

    Args:
        chosen: The recommended trial, and the (texts,) labels that its artefact gives to the test texts.
        full: The same of the full-size model.
        task: Has the test split.
    """
    predicted, by_full = chosen[1], full[1]
    low, high = score_interval(task, task.test.labels, predicted, by_full)
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
