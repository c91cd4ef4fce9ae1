from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from results.budgets import Budgets
from results.records import TrialRecord, new_record
from search.artifacts.scoring import score_artifact
from search.models.checkpoint import CHECKPOINT
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.study.polish import polish, with_unlabelled
from search.study.trial import files_of, run_trial
from search.study.workbench import Workbench
from search.training.batches import UNLABELLED
from spaces import Candidate, Compression
from spaces.baselines import full_architecture
from tests.search.records import Listener
from tests.search.small_studies import small_bench


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return small_bench(tmp_path_factory.mktemp("polish"))


@pytest.fixture(scope="module")
def member(small: Workbench, tmp_path_factory: pytest.TempPathFactory) -> TrialRecord:
    """A trial of the smallest candidate that was really run."""
    return run_trial(small, 0, small.space.smallest(), tmp_path_factory.mktemp("member"))


def a_ledger(bench: Workbench, folder: Path, *records: TrialRecord) -> tuple[StudyStore, Ledger, Listener]:
    """A study with these trials."""
    store, listener = StudyStore(folder, "small"), Listener()
    store.folder.mkdir(parents=True)
    ledger = Ledger(store.optuna_study(bench.config), bench.config, listener)
    for record in records:
        ledger.enter(record)
    listener.told.clear()
    return store, ledger, listener


def full_size(member: TrialRecord, bench: Workbench, number: int = 1) -> TrialRecord:
    """A trial of the full-size model that costs more than the member and scores best."""
    candidate = Candidate(architecture=full_architecture(bench.space), compression=Compression())
    costs = {name: 2 * value for name, value in member.costs.items()}
    return new_record(number, candidate, status="scored", costs=costs, score=1.0, baseline=True)


def test_a_better_version_takes_the_members_place(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, listener = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1))
    polish(small, store, ledger, math.inf)
    (_, polished) = ledger.records
    assert (polished.number, polished.polishes, polished.status) == (1, 0, "scored")
    assert (ledger.standing.front, ledger.standing.recommended) == ((1,), 1)
    assert ledger.standing.outcome(ledger.records[0]) == "superseded"
    assert polished.candidate == member.candidate
    assert polished.label == f"{member.label} polished"
    assert polished.costs["size_mb"] == pytest.approx(member.costs["size_mb"], rel=0.01)
    assert len(polished.curve) > 0
    assert listener.told == [("start", 1), ("end", 1)]
    assert ledger.records == store.records()
    folder = files_of(small, store, polished)
    assert (folder / CHECKPOINT).is_dir()
    assert polished.score == score_artifact(folder, small.task, small.task.validation, small.device.batch_size)


def test_a_version_that_is_no_better_leaves_the_member(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=1.0))
    polish(small, store, ledger, math.inf)
    (_, polished) = ledger.records
    assert (polished.status, polished.polishes) == ("worse", 0)
    assert "no better than the 1.0000 of #0" in polished.reason
    assert ledger.standing.front == (0,)
    assert not store.trial_folder(1).exists()


def test_a_member_is_polished_once(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    for name, score in (("better", 0.1), ("worse", 1.0)):
        store, ledger, _ = a_ledger(small, tmp_path / name, dataclasses.replace(member, score=score))
        for _ in range(2):
            polish(small, store, ledger, math.inf)
        assert len(ledger.records) == 2


def test_the_full_size_model_is_not_polished(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1), full_size(member, small))
    assert set(ledger.standing.front) == {0, 1}
    polish(small, store, ledger, math.inf)
    assert [record.polishes for record in ledger.records] == [None, None, 0]


def test_what_is_off_the_front_is_not_polished(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    dear = {name: 50 * value for name, value in member.costs.items()}
    worse = dataclasses.replace(member, number=1, score=0.05, costs=dear)
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1), worse)
    polish(small, store, ledger, math.inf)
    assert [record.polishes for record in ledger.records] == [None, None, 0]


def test_the_recommended_member_is_polished_first(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    # Best first on the front, the knee is the cheap one.
    dear = {name: 50 * value for name, value in member.costs.items()}
    members = [dataclasses.replace(member, score=0.3), dataclasses.replace(member, number=1, score=0.31, costs=dear)]
    store, ledger, _ = a_ledger(small, tmp_path, *members)
    assert (ledger.standing.front, ledger.standing.recommended) == ((1, 0), 0)
    polish(small, store, ledger, math.inf)
    # Polished, it dominates the other, which is not worth polishing any more.
    assert [record.polishes for record in ledger.records[2:]] == [0]


def test_nothing_is_polished_when_time_is_up(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    store, ledger, listener = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1))
    polish(dataclasses.replace(small, tracker=listener), store, ledger, -math.inf)
    assert len(ledger.records) == 1
    assert listener.told == []
    assert listener.stages == ["time is up before all of the front is polished"]


def test_a_polishing_that_fails_is_recorded_and_leaves_the_member(
    small: Workbench, member: TrialRecord, tmp_path: Path
) -> None:
    # Its checkpoint, from which it would be polished, is gone.
    store, ledger, _ = a_ledger(small, tmp_path, dataclasses.replace(member, score=0.1, curve=(0.1,)))
    polish(small, store, ledger, math.inf)
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


def with_floor(bench: Workbench, floor: float) -> Workbench:
    return dataclasses.replace(bench, config=bench.config.model_copy(update={"budgets": Budgets(score=floor)}))


def test_what_passes_the_floor_once_polished_is_taken(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    short = dataclasses.replace(member, status="over-budget", score=0.0)
    bench = with_floor(small, 0.001)
    store, ledger, _ = a_ledger(bench, tmp_path, short)
    assert ledger.standing.front == ()
    polish(bench, store, ledger, math.inf)
    (_, polished) = ledger.records
    assert (polished.polishes, polished.status) == (0, "scored")
    assert ledger.standing.front == (1,)


def test_of_what_is_short_of_the_floor_no_more_is_polished_once_one_missed_it(
    small: Workbench, member: TrialRecord, tmp_path: Path
) -> None:
    dear = {name: 50 * value for name, value in member.costs.items()}
    short = [
        dataclasses.replace(member, status="over-budget", score=0.1),
        dataclasses.replace(member, status="over-budget", number=1, score=0.2, costs=dear),
    ]
    bench = with_floor(small, 1.0)
    store, ledger, _ = a_ledger(bench, tmp_path, *short)
    polish(bench, store, ledger, math.inf)
    assert [(record.polishes, record.status) for record in ledger.records[2:]] == [(1, "worse")]


def test_what_costs_too_much_is_not_polished(small: Workbench, member: TrialRecord, tmp_path: Path) -> None:
    budgets = Budgets(score=0.001, size_mb=member.costs["size_mb"] / 2)
    bench = dataclasses.replace(small, config=small.config.model_copy(update={"budgets": budgets}))
    store, ledger, _ = a_ledger(bench, tmp_path, dataclasses.replace(member, status="over-budget", score=0.0))
    polish(bench, store, ledger, math.inf)
    assert len(ledger.records) == 1
