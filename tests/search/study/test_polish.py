from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from results.budgets import Budgets
from results.costs import Costs
from results.records import TrialRecord
from search.artifacts.scoring import score_artifact
from search.engines.local import InlineEngine
from search.models.checkpoint import CHECKPOINT
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.study.job import Job
from search.study.polish import polish
from search.study.polishing import with_unlabelled
from search.study.trial import files_of
from search.study.workbench import Workbench
from search.study.worker import Worker
from search.training.batches import UNLABELLED
from tests.search.conftest import Heard, finish, inherited, with_settings
from tests.search.records import Listener
from tests.search.small_studies import small_bench


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return small_bench(tmp_path_factory.mktemp("polish"))


@pytest.fixture(scope="module")
def member(small: Workbench, tmp_path_factory: pytest.TempPathFactory) -> TrialRecord:
    """A trial of the smallest candidate that was really run."""
    return finish(small, tmp_path_factory.mktemp("member"), small.space.smallest(), weights=inherited(small)).record


def a_ledger(bench: Workbench, folder: Path, *records: TrialRecord) -> tuple[StudyStore, Ledger, Listener]:
    """A study with these trials."""
    store, listener = StudyStore(folder, "small"), Listener()
    store.folder.mkdir(parents=True)
    ledger = Ledger(store.optuna_study(bench.config), bench.config, listener)
    for record in records:
        ledger.enter(record)
    listener.told.clear()
    return store, ledger, listener


def polished(bench: Workbench, store: StudyStore, ledger: Ledger, deadline: float = math.inf) -> None:
    """Polish the front of a study in this process."""
    worker = Worker(bench, inherited(bench), store)
    polish(ledger, bench, InlineEngine[Job, TrialRecord](worker, Heard()), deadline)


def dearer(record: TrialRecord, factor: float) -> Costs:
    """So many times the costs of a trial."""
    costs = record.costs
    assert costs is not None
    return dataclasses.replace(costs, latency_ms=factor * costs.latency_ms, size_mb=factor * costs.size_mb)


def full_size(member: TrialRecord, bench: Workbench) -> TrialRecord:
    """A trial of the full-size model that costs more than the member and scores best."""
    candidate = bench.entrants.full_fp32
    fields = {"candidate": candidate, "costs": dearer(member, 2), "score": 1.0, "entrant": True}
    return dataclasses.replace(member, number=1, **fields)


def test_a_better_version_takes_the_members_place(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, listener = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1))
    polished(small, store, ledger)
    (_, version) = ledger.records
    assert (version.number, version.polishes, version.status) == (1, 0, "scored")
    assert (ledger.standing.front, ledger.standing.recommended) == ((1,), 1)
    assert ledger.standing.outcome(ledger.records[0]) == "superseded"
    assert version.candidate == member.candidate
    assert version.label == f"{member.label} polished"
    assert version.figures["size_mb"] == pytest.approx(member.figures["size_mb"], rel=0.01)
    assert len(version.curve) > 0
    assert listener.told == [("start", 1), ("end", 1)]
    assert ledger.records == store.records()
    folder = files_of(small, inherited(small), store, version)
    assert (folder / CHECKPOINT).is_dir()
    assert version.score == score_artifact(folder, small.task, small.task.validation, small.device.batch_size)


def test_a_version_that_is_no_better_leaves_the_member(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=1.0))
    polished(small, store, ledger)
    (_, version) = ledger.records
    assert (version.status, version.polishes) == ("worse", 0)
    assert "no better than the 1.0000 of #0" in version.reason
    assert ledger.standing.front == (0,)
    assert not store.trial_folder(1).exists()


def test_a_member_is_polished_once(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    for name, score in (("better", 0.1), ("worse", 1.0)):
        store, ledger, _ = a_ledger(small, tmp_path / name, dataclasses.replace(member, score=score))
        for _ in range(2):
            polished(small, store, ledger)
        assert len(ledger.records) == 2


def test_the_full_size_model_is_not_polished(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1), full_size(member, small))
    assert set(ledger.standing.front) == {0, 1}
    polished(small, store, ledger)
    assert [record.polishes for record in ledger.records] == [None, None, 0]


def test_what_is_off_the_front_is_not_polished(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    dear = dearer(member, 50)
    worse = dataclasses.replace(member, number=1, score=0.05, costs=dear)
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1), worse)
    polished(small, store, ledger)
    assert [record.polishes for record in ledger.records] == [None, None, 0]


def test_the_recommended_member_is_polished_first(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    # Best first on the front, the knee is the cheap one.
    dear = dearer(member, 50)
    members = [dataclasses.replace(member, score=0.3), dataclasses.replace(member, number=1, score=0.31, costs=dear)]
    store, ledger, _ = a_ledger(small, tmp_path, *members)
    assert (ledger.standing.front, ledger.standing.recommended) == ((1, 0), 0)
    polished(small, store, ledger)
    # Polished, it dominates the other, which is not worth polishing any more.
    assert [record.polishes for record in ledger.records[2:]] == [0]


def test_nothing_is_polished_when_time_is_up(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, listener = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1))
    polished(small, store, ledger, -math.inf)
    assert len(ledger.records) == 1
    assert listener.told == []
    assert listener.stages == ["time is up before all of the front is polished"]


def test_a_polishing_that_fails_is_recorded_and_leaves_the_member(
    small: Workbench, member: TrialRecord, tmp_path: Path
) -> None:
    # Its checkpoint, from which it would be polished, is gone.
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1, curve=(0.1,)))
    polished(small, store, ledger)
    (_, failed) = ledger.records
    assert (failed.status, failed.polishes) == ("failed", 0)
    assert failed.reason
    assert ledger.standing.front == (0,)


def test_polishing_learns_from_the_texts_without_labels_too(tmp_path: Path) -> None:
    file = tmp_path / "more.txt"
    file.write_text("dim the porch light\nset an alarm for eight\n", encoding="utf-8")
    bench = small_bench(tmp_path, unlabelled=str(file))
    (batch,) = with_unlabelled(bench).in_order_of_length(1000)
    assert len(batch.labels) == len(bench.task.train) + 2
    assert int((batch.labels == UNLABELLED).sum()) == 2


def test_without_such_texts_polishing_learns_from_the_training_texts(small: Workbench) -> None:
    assert with_unlabelled(small) is small.train


def test_what_passes_the_floor_once_polished_is_taken(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    short = dataclasses.replace(member, status="over-budget", score=0.0)
    bench = with_settings(small, budgets=Budgets(score=0.001))
    store, ledger, _ = a_ledger(bench, tmp_path, short)
    assert ledger.standing.front == ()
    polished(bench, store, ledger)
    (_, version) = ledger.records
    assert (version.polishes, version.status) == (0, "scored")
    assert ledger.standing.front == (1,)


def test_of_what_is_short_of_the_floor_no_more_is_polished_once_one_missed_it(
    small: Workbench, member: TrialRecord, tmp_path: Path
) -> None:
    dear = dearer(member, 50)
    short = [
        dataclasses.replace(member, status="over-budget", score=0.1),
        dataclasses.replace(member, status="over-budget", number=1, score=0.2, costs=dear),
    ]
    bench = with_settings(small, budgets=Budgets(score=1.0))
    store, ledger, _ = a_ledger(bench, tmp_path, *short)
    polished(bench, store, ledger)
    assert [(record.polishes, record.status) for record in ledger.records[2:]] == [(1, "worse")]


def test_what_costs_too_much_is_not_polished(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    bench = with_settings(small, budgets=Budgets(score=0.001, size_mb=member.figures["size_mb"] / 2))
    store, ledger, _ = a_ledger(bench, tmp_path, dataclasses.replace(member, status="over-budget", score=0.0))
    polished(bench, store, ledger)
    assert len(ledger.records) == 1
