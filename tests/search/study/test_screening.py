from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from results.budgets import Budgets
from results.choosing import standing_of
from results.records import TrialRecord
from search.devices.local import LocalDevice
from search.devices.screen import Screen
from search.study.workbench import Workbench
from spaces import Architecture, Candidate, Compression
from tests.search.conftest import finish, inherited, with_settings

DEVICE = LocalDevice(name="slow board", time_limit_s=0.2, screen_after=6)
SIZES = [(1, 64), (2, 128), (1, 512), (2, 768), (1, 1024), (2, 1536)]


def candidate_of(depth: int, ffn_size: int, **compression: object) -> Candidate:
    layers = tuple(range(depth))
    architecture = Architecture.uniform(layers, heads=4, ffn_size=ffn_size, hidden_size=384)
    return Candidate(architecture=architecture, compression=Compression.model_validate(compression))


@pytest.fixture(scope="module")
def screening(bench: Workbench) -> Workbench:
    """A bench on a board that is screened."""
    meter = dataclasses.replace(bench.meter, device=DEVICE)
    return dataclasses.replace(bench, device=DEVICE, meter=meter, screen=Screen(DEVICE, bench.meter.texts))


def tried(
    bench: Workbench, folder: Path, candidate: Candidate, past: list[TrialRecord], *, entrant: bool = False
) -> TrialRecord:
    """The record of a seventh trial, which inherits its weights."""
    return finish(bench, folder, candidate, 6, weights=inherited(bench), past=past, entrant=entrant).record


@pytest.fixture(scope="module")
def past(screening: Workbench, tmp_path_factory: pytest.TempPathFactory) -> list[TrialRecord]:
    """As many trials as it takes; which all get the same score, so that the cheaper is better."""
    records, weights = [], inherited(screening)
    for number, sizes in enumerate(SIZES):
        folder = tmp_path_factory.mktemp("trial")
        record = finish(screening, folder, candidate_of(*sizes), number, weights=weights).record
        records.append(dataclasses.replace(record, score=1.0, status="scored"))
    return records


@pytest.fixture
def tight(screening: Workbench, past: list[TrialRecord]) -> Workbench:
    """A budget that only the smallest keeps to."""
    return with_settings(screening, budgets=Budgets(latency_ms=1.2 * past[0].figures["latency_ms"]))


def test_until_there_is_enough_all_are_measured(past: list[TrialRecord]) -> None:
    assert not any(record.predicted for record in past)
    assert len({record.figures["latency_ms"] for record in past}) == len(past)


def test_the_error_of_the_prediction_is_known(screening: Workbench, past: list[TrialRecord]) -> None:
    assert screening.screen is not None
    assert screening.screen.ready
    assert len(screening.screen.errors) == len(past)
    assert 0 < np.median(screening.screen.errors) < 1  # so far apart are candidates of 1 and of 6 layers, guessed alike


def test_what_is_dominated_for_certain_is_not_measured(
    screening: Workbench, past: list[TrialRecord], tmp_path: Path
) -> None:
    record = tried(screening, tmp_path, candidate_of(6, 1536), past)
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
    record = tried(tight, tmp_path, candidate_of(6, 1536), past)
    assert record.status == "screened"
    assert record.score is None
    assert "latency_ms" in record.reason


def test_what_may_reach_the_front_is_measured(screening: Workbench, tmp_path: Path) -> None:
    record = tried(screening, tmp_path, candidate_of(1, 64, quantisation="int4"), [])
    assert record.status == "scored"
    assert not record.predicted


def test_an_entrant_is_always_measured(tight: Workbench, past: list[TrialRecord], tmp_path: Path) -> None:
    record = tried(tight, tmp_path, candidate_of(6, 1536), past, entrant=True)
    assert not record.predicted
    assert record.status == "over-budget"
