from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from results.budgets import Budgets
from results.choosing import standing_of
from results.records import TrialRecord
from search.devices.local import LocalDevice
from search.devices.screen import Screen
from search.study.trial import run_trial
from search.study.workbench import Workbench
from spaces import Architecture, Candidate, Compression

DEVICE = LocalDevice(name="slow board", time_limit_s=0.2, screen_after=6)
SIZES = [(1, 64), (2, 128), (1, 512), (2, 768), (1, 1024), (2, 1536)]


def candidate_of(depth: int, ffn_size: int, **compression: object) -> Candidate:
    layers = tuple(range(depth))
    architecture = Architecture.uniform(layers, heads=4, ffn_size=ffn_size, hidden_size=384)
    return Candidate(architecture=architecture, compression=Compression.model_validate(compression))


@pytest.fixture(scope="module")
def screening(bench: Workbench) -> Workbench:
    """A bench of untrained candidates on a board that is screened."""
    return dataclasses.replace(bench, device=DEVICE, screen=Screen(DEVICE, bench.timed_texts))


@pytest.fixture(scope="module")
def past(screening: Workbench, tmp_path_factory: pytest.TempPathFactory) -> list[TrialRecord]:
    """As many trials as it takes; which all get the same score, so that the cheaper is better."""
    records = []
    for number, sizes in enumerate(SIZES):
        record = run_trial(screening, number, candidate_of(*sizes), tmp_path_factory.mktemp("trial"))
        records.append(dataclasses.replace(record, score=1.0, status="scored"))
    return records


@pytest.fixture
def tight(screening: Workbench, past: list[TrialRecord]) -> Iterator[Workbench]:
    """A budget that only the smallest keeps to."""
    limit = 1.2 * past[0].costs["latency_ms"]
    return dataclasses.replace(
        screening, config=screening.config.model_copy(update={"budgets": Budgets(latency_ms=limit)})
    )


def test_until_there_is_enough_all_are_measured(past: list[TrialRecord]) -> None:
    assert not any(record.predicted for record in past)
    assert len({record.costs["latency_ms"] for record in past}) == len(past)


def test_the_error_of_the_prediction_is_known(screening: Workbench, past: list[TrialRecord]) -> None:
    assert screening.screen is not None
    assert screening.screen.ready
    assert len(screening.screen.errors) == len(past)
    assert 0 < np.median(screening.screen.errors) < 1  # so far apart are candidates of 1 and of 6 layers, guessed alike


def test_what_is_dominated_for_certain_is_not_measured(
    screening: Workbench, past: list[TrialRecord], tmp_path: Path
) -> None:
    record = run_trial(screening, 6, candidate_of(6, 1536), tmp_path, past)
    assert record.status == "screened"
    assert record.predicted
    assert record.score is not None
    assert "predicted" in record.reason
    assert "dominated by #" in record.reason
    assert record.machine.startswith("predicted for ")
    standing = standing_of([*past, record], screening.config.objectives)
    assert standing.outcome(record) == "screened"
    assert record.number not in standing.front


def test_what_is_over_budget_for_certain_is_not_measured(
    tight: Workbench, past: list[TrialRecord], tmp_path: Path
) -> None:
    record = run_trial(tight, 6, candidate_of(6, 1536), tmp_path, past)
    assert record.status == "screened"
    assert record.score is None
    assert "latency_ms" in record.reason


def test_what_may_reach_the_front_is_measured(screening: Workbench, tmp_path: Path) -> None:
    record = run_trial(screening, 6, candidate_of(1, 64, quantisation="int4"), tmp_path, [])
    assert record.status == "scored"
    assert not record.predicted


def test_a_baseline_is_always_measured(tight: Workbench, past: list[TrialRecord], tmp_path: Path) -> None:
    record = run_trial(tight, 6, candidate_of(6, 1536), tmp_path, past, baseline=True)
    assert not record.predicted
    assert record.status == "over-budget"
