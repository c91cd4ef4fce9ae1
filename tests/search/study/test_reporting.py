from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from results.records import TrialRecord
from search.artifacts.scoring import artifact_answers, score_artifact
from search.study.reporting import compare
from search.tasks import Task
from search.tasks.intervals import score_interval
from tests.results.test_records import some_costs
from tests.search.conftest import FinishedTrial

RNG = np.random.default_rng(0)
LABELS = RNG.integers(2, size=100)
# Two models that are right about nine and about six times in ten.
GOOD = np.where(RNG.random(100) < 0.9, LABELS, 1 - LABELS)
POOR = np.where(RNG.random(100) < 0.6, LABELS, 1 - LABELS)


@pytest.fixture(scope="module")
def interval(tiny_task: Task) -> tuple[float, float]:
    """That of the accuracy that the good model gains."""
    return score_interval(tiny_task, LABELS.tolist(), GOOD, POOR)


def test_equal_predictions_have_no_difference(tiny_task: Task) -> None:
    assert score_interval(tiny_task, LABELS.tolist(), GOOD, GOOD) == (0, 0)


@pytest.mark.parametrize("metric", ["accuracy", "macro-f1"])
def test_the_interval_contains_the_observed_gain(tiny_task: Task, metric: str) -> None:
    task = dataclasses.replace(tiny_task, metric=metric)
    low, high = score_interval(task, LABELS.tolist(), GOOD, POOR)
    gain = task.score(LABELS.tolist(), GOOD.tolist()) - task.score(LABELS.tolist(), POOR.tolist())
    assert 0 < low < gain < high


def test_the_interval_of_the_other_way_round_is_its_mirror_image(
    tiny_task: Task, interval: tuple[float, float]
) -> None:
    low, high = interval
    assert score_interval(tiny_task, LABELS.tolist(), POOR, GOOD) == pytest.approx((-high, -low))


def test_the_interval_is_as_wide_as_the_normal_one(interval: tuple[float, float]) -> None:
    low, high = interval
    differences = (GOOD == LABELS).astype(float) - (POOR == LABELS)
    half = 1.96 * differences.std() / np.sqrt(len(differences))
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_models_that_err_on_the_same_texts_have_a_narrower_interval(tiny_task: Task) -> None:
    # Both are wrong about ten texts more than GOOD: the same ten, and ten others.
    right, wrong = np.flatnonzero(GOOD == LABELS), np.flatnonzero(GOOD != LABELS)
    alike, unlike = GOOD.copy(), GOOD.copy()
    alike[right[:10]] = 1 - alike[right[:10]]
    unlike[wrong] = 1 - unlike[wrong]
    unlike[right[: 10 + len(wrong)]] = 1 - unlike[right[: 10 + len(wrong)]]
    narrow, wide = (score_interval(tiny_task, LABELS.tolist(), GOOD, other) for other in (alike, unlike))
    assert np.mean(narrow) == pytest.approx(np.mean(wide), abs=0.02)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]


def answered(trial: FinishedTrial, task: Task, **changes: Any) -> tuple[TrialRecord, np.ndarray]:
    """A trial's record, and what its artefact answers to the test texts."""
    record = dataclasses.replace(trial.record, **changes)
    return record, artifact_answers(trial.folder, task, task.test, batch_size=1)


def test_a_trial_against_itself_gains_nothing(finished_trial: FinishedTrial) -> None:
    task = finished_trial.bench.task
    trial = answered(finished_trial, task)
    comparison = compare(trial, trial, task)
    assert (comparison.faster, comparison.smaller) == (1, 1)
    assert (comparison.score_gain, comparison.low, comparison.high) == (0, 0, 0)
    assert comparison.n_texts == len(task.test)


def test_a_comparison_is_of_the_chosen_trial_with_the_full_one(
    finished_trial: FinishedTrial, finished_int8_trial: FinishedTrial
) -> None:
    task, batch_size = finished_trial.bench.task, 1
    chosen = answered(finished_int8_trial, task, costs=some_costs(2.0, 10.0))
    full = answered(finished_trial, task, costs=some_costs(6.0, 40.0))
    comparison = compare(chosen, full, task)
    assert (comparison.faster, comparison.smaller) == (3, 4)
    assert comparison.full_score == score_artifact(finished_trial.folder, task, task.test, batch_size)
    score = score_artifact(finished_int8_trial.folder, task, task.test, batch_size)
    assert comparison.score_gain == pytest.approx(score - comparison.full_score)
    assert comparison.low <= comparison.score_gain <= comparison.high


def test_int8_is_nearly_four_times_smaller_than_fp32(
    finished_trial: FinishedTrial, finished_int8_trial: FinishedTrial
) -> None:
    task = finished_trial.bench.task
    comparison = compare(answered(finished_int8_trial, task), answered(finished_trial, task), task)
    assert 3 < comparison.smaller < 4
