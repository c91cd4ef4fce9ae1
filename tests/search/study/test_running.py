from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from results.choosing import standing_of
from results.records import TrialRecord
from search.errors import RunError
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.sampling.telling import recover
from search.study.running import GIVE_UP_AFTER, propose_baselines, repeated, search, used_up
from spaces import Candidate, Space
from spaces.baselines import baselines
from tests.search.records import CONFIG, OBJECTIVES, SHAPE, SPACE, Listener, a_candidate, a_record, begun_store
from trackers.tracker import Tracker

Run = Callable[[int, Candidate], TrialRecord]
# Its candidates are shallow, so that two of its baselines are in it and three are not.
QUICK = Space.load("quick", SHAPE)


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return begun_store(tmp_path)


def cheap_run(number: int, candidate: Candidate, baseline: bool = False) -> TrialRecord:
    """A trial without training: figures that a candidate's sizes decide."""
    architecture = candidate.architecture
    work = sum(ffn * head for ffn, head in zip(architecture.ffn_sizes, architecture.heads, strict=True)) / 4096
    if work > 12:
        return a_record(number, None, work, 10 + work, "over-budget", candidate=candidate, baseline=baseline)
    return a_record(number, 1 - 1 / (2 + work), work, 10 + work, candidate=candidate, baseline=baseline)


def new_ledger(store: StudyStore, trials: int = 14, tracker: Tracker | None = None) -> Ledger:
    """The ledger of the study as a process that begins or resumes it opens it."""
    config = CONFIG.model_copy(update={"trials": trials})
    study = store.optuna_study(config)
    recover(study, store, CONFIG, SPACE)
    return Ledger(study, config, tracker or Tracker())


def searched(
    store: StudyStore, space: Space = SPACE, trials: int = 14, run: Run = cheap_run, tracker: Tracker | None = None
) -> list[TrialRecord]:
    """The records of the study after a run of its trials."""
    ledger = new_ledger(store, trials, tracker)
    search(ledger, space, run)
    assert ledger.records == store.records()
    return ledger.records


def with_baselines(store: StudyStore, space: Space, trials: int = 6, tracker: Tracker | None = None) -> Ledger:
    """The ledger after the baselines and the trials."""
    ledger = new_ledger(store, trials, tracker)

    def run(number: int, candidate: Candidate) -> TrialRecord:
        return cheap_run(number, candidate, candidate in baselines(space))

    propose_baselines(ledger, space, run)
    search(ledger, space, run)
    return ledger


def a_small_space() -> Space:
    raw = SPACE.model_dump(mode="json")
    raw["architecture"] |= {"depth": {"values": [6]}, "heads": {"values": [4, 8]}, "ffn_size": {"values": [64, 128]}}
    raw["architecture"]["hidden_size"] = {"values": [384]}
    raw["compression"] = {"quantisation": {"values": ["none"]}}
    raw["training"] = {"learning_rate": 1e-4, "epochs": 1, "batch_size": 8}
    return Space.model_validate(raw)


def test_a_repeated_candidate_takes_over_the_figures_of_the_first() -> None:
    first = a_record(0, baseline=True)
    record = repeated(5, a_candidate(0), [a_record(1), first])
    assert record is not None
    assert (record.number, record.repeats, record.seconds) == (5, 0, 0.0)
    assert (record.figures, record.candidate, record.label) == (first.figures, first.candidate, first.label)
    assert not record.baseline


def test_a_repeat_of_a_repeat_names_the_first_trial() -> None:
    record = repeated(9, a_candidate(0), [a_record(4, repeats=2, candidate=a_candidate(0))])
    assert record is not None
    assert record.repeats == 2


def test_a_candidate_over_budget_is_not_measured_again() -> None:
    record = repeated(3, a_candidate(0), [a_record(0, status="over-budget", score=None)])
    assert record is not None
    assert record.status == "over-budget"


def test_a_failed_candidate_and_another_candidate_are_no_repeats() -> None:
    assert repeated(3, a_candidate(0), [a_record(0, status="failed", score=None), a_record(1)]) is None


def test_a_candidate_takes_over_the_figures_from_before_its_polishing() -> None:
    polished = a_record(7, score=0.9, polishes=0, candidate=a_candidate(0))
    assert repeated(8, a_candidate(0), [polished]) is None
    record = repeated(8, a_candidate(0), [polished, a_record(0, score=0.8)])
    assert record is not None
    assert (record.repeats, record.score) == (0, 0.8)


def test_a_search_has_as_many_trials_as_asked(store: StudyStore) -> None:
    records = searched(store)
    assert [record.number for record in records] == list(range(14))
    assert {record.status for record in records} >= {"scored"}


def test_a_study_goes_on_after_a_stop_as_it_would_have_without_one(store: StudyStore, tmp_path: Path) -> None:
    other = StudyStore(tmp_path / "other", "mine")
    with other.locked():
        straight = searched(other)
    assert searched(store, trials=5) == straight[:5]
    assert searched(store, trials=12) == straight[:12]
    assert searched(store) == straight


def test_a_finished_study_runs_no_more_trials(store: StudyStore) -> None:
    assert searched(store, trials=4) == searched(store, trials=4)


def test_a_search_ends_when_the_space_is_used_up(store: StudyStore) -> None:
    records = searched(store, a_small_space(), trials=200)
    assert len(records) < 200
    first_tries = [record for record in records if record.repeats is None]
    assert len(first_tries) == 4
    assert len({str(record.candidate) for record in records}) == 4


def test_what_comes_again_is_not_run_again(store: StudyStore) -> None:
    ran: list[str] = []

    def run(number: int, candidate: Candidate) -> TrialRecord:
        ran.append(candidate.label)
        return cheap_run(number, candidate)

    searched(store, a_small_space(), trials=100, run=run)
    assert len(ran) == len(set(ran)) == 4


def test_a_space_is_used_up_by_its_own_points_alone() -> None:
    space = a_small_space()
    points = {candidate.label: candidate for candidate in (a_candidate(seed, space) for seed in range(40))}
    inside = [a_record(number, candidate=candidate) for number, candidate in enumerate(points.values())]
    outside = [a_record(number) for number in range(10, 20)]
    assert not used_up(space, [*inside[:3], *outside])
    assert not used_up(space, [*inside[:3], *inside[:3]])
    assert used_up(space, [*outside, *inside])


def test_no_time_means_no_trials(store: StudyStore) -> None:
    listener = Listener()
    ledger = new_ledger(store, tracker=listener)
    search(ledger, SPACE, cheap_run, deadline=-math.inf)
    assert ledger.records == []
    assert listener.stages == ["time is up after 0 trials"]


def test_a_study_whose_first_trials_all_fail_is_given_up(store: StudyStore) -> None:
    def run(number: int, candidate: Candidate) -> TrialRecord:
        return a_record(number, None, status="failed", candidate=candidate)

    with pytest.raises(RunError, match=f"the first {GIVE_UP_AFTER} trials all failed"):
        search(new_ledger(store), SPACE, run)
    assert len(store.records()) == GIVE_UP_AFTER


def test_failures_among_the_first_trials_do_not_end_the_study(store: StudyStore) -> None:
    def run(number: int, candidate: Candidate) -> TrialRecord:
        if number % 2:
            return cheap_run(number, candidate)
        return a_record(number, None, status="failed", candidate=candidate)

    records = searched(store, trials=10, run=run)
    assert [record.status == "failed" for record in records] == [True, False] * 5


def test_a_stop_by_the_user_leaves_a_trial_that_comes_again(store: StudyStore) -> None:
    tried: list[Candidate] = []

    def run(number: int, candidate: Candidate) -> TrialRecord:
        tried.append(candidate)
        if number == 3:
            raise KeyboardInterrupt
        return cheap_run(number, candidate)

    ledger = new_ledger(store)
    with pytest.raises(KeyboardInterrupt):
        search(ledger, SPACE, run)
    assert [record.number for record in ledger.records] == [0, 1, 2]
    resumed = searched(store, trials=5)
    assert [record.number for record in resumed] == [0, 1, 2, 4, 5]
    assert resumed[3].candidate == tried[-1].model_dump(mode="json")


def test_trackers_are_told_of_every_trial_and_where_the_study_then_stands(store: StudyStore) -> None:
    listener = Listener()
    records = searched(store, trials=6, tracker=listener)
    assert listener.told == [(what, number) for number in range(6) for what in ("start", "end")]
    assert listener.standings == [standing_of(records[:count], OBJECTIVES) for count in range(1, 7)]


@pytest.mark.parametrize("space", [SPACE, QUICK], ids=["in the space", "partly outside it"])
def test_the_baselines_come_first_and_are_not_among_the_trials_asked_for(store: StudyStore, space: Space) -> None:
    ledger = with_baselines(store, space, trials=6)
    asked_for = [candidate.model_dump(mode="json") for candidate in baselines(space)]
    first, rest = ledger.records[: len(asked_for)], ledger.records[len(asked_for) :]
    assert all(record.candidate in asked_for for record in first)
    assert len({str(record.candidate) for record in first}) == len(asked_for)
    assert [record.baseline for record in first] == [True] * len(asked_for)
    assert [record.baseline for record in rest] == [False] * 6
    assert [record.number for record in ledger.records] == list(range(len(asked_for) + 6))


def test_samplers_learn_from_the_baselines_that_the_space_has(store: StudyStore) -> None:
    ledger = with_baselines(store, QUICK, trials=1)
    told = {trial.number for trial in ledger.study.get_trials(states=[TrialState.COMPLETE])}
    inside = {r.number for r in ledger.records if QUICK.parameters(Candidate.model_validate(r.candidate)) is not None}
    assert told == inside
    assert 0 < len(inside) < len(ledger.records)


def test_trackers_are_told_of_the_baselines(store: StudyStore) -> None:
    listener = Listener()
    ledger = with_baselines(store, QUICK, trials=1, tracker=listener)
    assert listener.told == [(what, record.number) for record in ledger.records for what in ("start", "end")]


def test_baselines_are_tried_once_however_often_the_study_is_resumed(store: StudyStore) -> None:
    with_baselines(store, QUICK, trials=2)
    records = with_baselines(store, QUICK, trials=5).records
    assert sum(record.baseline for record in records) == len(baselines(QUICK))
    assert len(records) == len(baselines(QUICK)) + 5


def test_baselines_that_wait_in_the_queue_are_not_put_there_again(store: StudyStore) -> None:
    for _ in range(2):
        ledger = new_ledger(store)
        propose_baselines(ledger, SPACE, cheap_run)
        assert len(ledger.study.get_trials(states=[TrialState.WAITING])) == len(baselines(SPACE))
