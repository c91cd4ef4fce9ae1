from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from results.choosing import standing_of
from results.records import TrialRecord
from search.engines.local import InlineEngine
from search.errors import RunError
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.sampling.telling import recover
from search.study.job import Job, Tell
from search.study.searching import GIVE_UP_AFTER, search, try_entrants
from spaces import Candidate, Space
from spaces.baselines import Entrants, entrants_of
from tests.search.records import (
    CONFIG,
    ENTRANTS,
    OBJECTIVES,
    SHAPE,
    SPACE,
    Listener,
    a_record,
    a_small_space,
    begun_store,
)
from trackers.tracker import Tracker

Run = Callable[[Job], TrialRecord]
# Its candidates are shallow, so that two of its entrants are in it and three are not.
QUICK = Space.load("quick", SHAPE)
NO_ENTRANTS = Entrants(full_fp32=ENTRANTS.full_fp32, full_int8=ENTRANTS.full_int8, shallower=())


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return begun_store(tmp_path)


def cheap_run(job: Job) -> TrialRecord:
    """A trial without training: figures that a candidate's sizes decide."""
    architecture = job.candidate.architecture
    work = sum(ffn * head for ffn, head in zip(architecture.ffn_sizes, architecture.heads, strict=True)) / 4096
    fields = {"candidate": job.candidate, "entrant": job.entrant}
    if work > 12:
        return a_record(job.number, None, work, 10 + work, "over-budget", **fields)
    return a_record(job.number, 1 - 1 / (2 + work), work, 10 + work, **fields)


def engine_of(run: Run) -> InlineEngine[Job, TrialRecord]:
    def work(job: Job, tell: Tell) -> TrialRecord:
        return run(job)

    return InlineEngine(work, lambda told: None)


def new_ledger(store: StudyStore, trials: int = 14, tracker: Tracker | None = None) -> Ledger:
    """The ledger of the study as a process that begins or resumes it opens it."""
    config = CONFIG.model_copy(update={"trials": trials})
    study = store.optuna_study(config)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    return Ledger(study, config, tracker or Tracker())


def searched(
    store: StudyStore, space: Space = SPACE, trials: int = 14, run: Run = cheap_run, tracker: Tracker | None = None
) -> list[TrialRecord]:
    """The records of the study after a run of its trials."""
    ledger = new_ledger(store, trials, tracker)
    search(ledger, space, NO_ENTRANTS, engine_of(run), math.inf)
    assert ledger.records == store.records()
    return ledger.records


def with_entrants(store: StudyStore, space: Space, trials: int = 6, tracker: Tracker | None = None) -> Ledger:
    """The ledger after the entrants and the trials."""
    ledger, entrants, engine = new_ledger(store, trials, tracker), entrants_of(space), engine_of(cheap_run)
    try_entrants(ledger, space, entrants, engine, math.inf)
    search(ledger, space, entrants, engine, math.inf)
    return ledger


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
    assert len({record.candidate for record in records}) == 4


def test_what_comes_again_is_not_run_again(store: StudyStore) -> None:
    ran: list[str] = []

    def run(job: Job) -> TrialRecord:
        ran.append(job.label)
        return cheap_run(job)

    searched(store, a_small_space(), trials=100, run=run)
    assert len(ran) == len(set(ran)) == 4


def test_no_time_means_no_trials(store: StudyStore) -> None:
    listener = Listener()
    ledger = new_ledger(store, tracker=listener)
    search(ledger, SPACE, NO_ENTRANTS, engine_of(cheap_run), -math.inf)
    assert ledger.records == []
    assert listener.stages == ["time is up after 0 trials"]


def test_a_study_whose_first_trials_all_fail_is_given_up(store: StudyStore) -> None:
    def run(job: Job) -> TrialRecord:
        return a_record(job.number, None, status="failed", candidate=job.candidate)

    with pytest.raises(RunError, match=f"the first {GIVE_UP_AFTER} trials all failed"):
        search(new_ledger(store), SPACE, NO_ENTRANTS, engine_of(run), math.inf)
    assert len(store.records()) == GIVE_UP_AFTER


def test_failures_among_the_first_trials_do_not_end_the_study(store: StudyStore) -> None:
    def run(job: Job) -> TrialRecord:
        if job.number % 2:
            return cheap_run(job)
        return a_record(job.number, None, status="failed", candidate=job.candidate)

    records = searched(store, trials=10, run=run)
    assert [record.status == "failed" for record in records] == [True, False] * 5


def test_a_stop_by_the_user_leaves_a_trial_that_comes_again(store: StudyStore) -> None:
    tried: list[Candidate] = []

    def run(job: Job) -> TrialRecord:
        tried.append(job.candidate)
        if job.number == 3:
            raise KeyboardInterrupt
        return cheap_run(job)

    ledger = new_ledger(store)
    with pytest.raises(KeyboardInterrupt):
        search(ledger, SPACE, NO_ENTRANTS, engine_of(run), math.inf)
    assert [record.number for record in ledger.records] == [0, 1, 2]
    resumed = searched(store, trials=5)
    assert [record.number for record in resumed] == [0, 1, 2, 4, 5]
    assert resumed[3].candidate == tried[-1]


def test_trackers_are_told_of_every_trial_and_where_the_study_then_stands(store: StudyStore) -> None:
    listener = Listener()
    records = searched(store, trials=6, tracker=listener)
    assert listener.told == [(what, number) for number in range(6) for what in ("start", "end")]
    assert listener.standings == [standing_of(records[:count], OBJECTIVES) for count in range(1, 7)]


@pytest.mark.parametrize("space", [SPACE, QUICK], ids=["in the space", "partly outside it"])
def test_the_entrants_come_first_and_are_not_among_the_trials_asked_for(store: StudyStore, space: Space) -> None:
    ledger = with_entrants(store, space, trials=6)
    asked_for = entrants_of(space).candidates
    first, rest = ledger.records[: len(asked_for)], ledger.records[len(asked_for) :]
    assert all(record.candidate in asked_for for record in first)
    assert len({record.candidate for record in first}) == len(asked_for)
    assert [record.entrant for record in first] == [True] * len(asked_for)
    assert [record.entrant for record in rest] == [False] * 6
    assert [record.number for record in ledger.records] == list(range(len(asked_for) + 6))


def test_samplers_learn_from_the_entrants_that_the_space_has(store: StudyStore) -> None:
    ledger = with_entrants(store, QUICK, trials=1)
    told = {trial.number for trial in ledger.study.get_trials(states=[TrialState.COMPLETE])}
    inside = {r.number for r in ledger.records if QUICK.parameters(r.candidate) is not None}
    assert told == inside
    assert 0 < len(inside) < len(ledger.records)


def test_trackers_are_told_of_the_entrants(store: StudyStore) -> None:
    listener = Listener()
    ledger = with_entrants(store, QUICK, trials=1, tracker=listener)
    assert listener.told == [(what, record.number) for record in ledger.records for what in ("start", "end")]


def test_entrants_are_tried_once_however_often_the_study_is_resumed(store: StudyStore) -> None:
    with_entrants(store, QUICK, trials=2)
    records = with_entrants(store, QUICK, trials=5).records
    assert sum(record.entrant for record in records) == len(entrants_of(QUICK).candidates)
    assert len(records) == len(entrants_of(QUICK).candidates) + 5


def test_entrants_that_wait_in_the_queue_are_not_put_there_again(store: StudyStore) -> None:
    for _ in range(2):
        ledger = new_ledger(store)
        try_entrants(ledger, SPACE, ENTRANTS, engine_of(cheap_run), math.inf)
        assert len(ledger.study.get_trials(states=[TrialState.WAITING])) == len(ENTRANTS.candidates)


def test_what_was_found_so_far_goes_with_each_job(store: StudyStore) -> None:
    seen: list[int] = []

    def run(job: Job) -> TrialRecord:
        seen.append(len(job.past))
        return cheap_run(job)

    searched(store, trials=4, run=run)
    assert seen == [0, 1, 2, 3]
