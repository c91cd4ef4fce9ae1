"""The comparison that a user asks for first: what the recommended candidate gains over the full-size model."""

from __future__ import annotations

from pathlib import Path

from search.artifacts.intervals import score_interval
from search.artifacts.scoring import artifact_logits
from search.tasks import Task
from trackers.records import Comparison, TrialRecord


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
