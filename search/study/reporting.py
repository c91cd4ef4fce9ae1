"""The report at a study's end: its front's files are kept, and its recommended candidate meets the test split."""

from __future__ import annotations

import numpy as np

from results.choosing import Ending, full_int8
from results.records import Comparison, TrialRecord
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.study.strategy import Weights
from search.study.trial import files_of
from search.study.workbench import Workbench
from search.tasks import Task
from search.tasks.intervals import score_interval


def report(bench: Workbench, weights: Weights, store: StudyStore, ledger: Ledger) -> Ending:
    """The ending of a study that ran to its end; the test split is read here for the first time."""
    standing = ledger.standing
    chosen = standing.chosen
    if chosen is None:
        return Ending(standing=standing)
    ledger.tracker.stage("keeping the front, and scoring the recommended candidate on the test split")
    for member in standing.members:
        files_of(bench, weights, store, member)

    def answers(trial: TrialRecord) -> np.ndarray:
        return bench.examiner.answers_to_the_test(files_of(bench, weights, store, trial))

    predicted = answers(chosen)
    full = full_int8(ledger.records, bench.entrants)
    return Ending(
        standing=standing,
        test_score=bench.task.score(bench.task.test.labels, predicted.tolist()),
        comparison=None if full is None else compare((chosen, predicted), (full, answers(full)), bench.task),
        screening_error=float(np.median(bench.screen.errors)) if bench.screen and bench.screen.ready else None,
    )


def compare(chosen: tuple[TrialRecord, np.ndarray], full: tuple[TrialRecord, np.ndarray], task: Task) -> Comparison:
    """What a user asks first: what a candidate gains over the full-size model, on the test split.

    Args:
        chosen: The recommended trial, and the (texts,) answers of its artefact to the test texts.
        full: The same of the full-size model.
        task: Has the test split.

    Raises:
        ValueError: One of them was not measured.
    """
    (trial, predicted), (reference, by_full) = chosen, full
    if trial.costs is None or reference.costs is None:
        raise ValueError(f"trials {trial.number} and {reference.number} were not both measured")
    low, high = score_interval(task, task.test.labels, predicted, by_full)
    full_score = task.score(task.test.labels, by_full.tolist())
    return Comparison(
        faster=reference.costs.latency_ms / trial.costs.latency_ms,
        smaller=reference.costs.size_mb / trial.costs.size_mb,
        score_gain=task.score(task.test.labels, predicted.tolist()) - full_score,
        low=low,
        high=high,
        full_score=full_score,
        n_texts=len(task.test),
    )
