from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from results.choosing import standing_of
from results.records import Status
from search.sampling.ledger import Ledger, repeated, used_up
from search.sampling.store import StudyStore
from tests.search.records import CONFIG, OBJECTIVES, SPACE, Listener, a_candidate, a_record, a_small_space, begun_store


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return begun_store(tmp_path)


def a_full_ledger(store: StudyStore) -> tuple[Ledger, Listener]:
    """One with an entrant, two sampled trials, one of them failed, and a polished version."""
    listener = Listener()
    ledger = Ledger(store.optuna_study(CONFIG), CONFIG, listener)
    ledger.enter(a_record(ledger.next_number, latency_ms=7.0, entrant=True))
    for score in (0.7, None):
        number, candidate = ledger.propose(SPACE)
        status: Status = "failed" if score is None else "scored"
        ledger.enter(a_record(number, score=score, status=status, candidate=candidate))
    ledger.enter(a_record(ledger.next_number, 0.9, polishes=1))
    return ledger, listener


def test_every_trial_has_the_number_of_its_optuna_trial(store: StudyStore) -> None:
    ledger, _ = a_full_ledger(store)
    assert [record.number for record in ledger.records] == [0, 1, 2, 3]
    assert [trial.number for trial in ledger.study.get_trials()] == [0, 1, 2, 3]
    assert ledger.next_number == 4


def test_a_ledger_opened_again_has_what_was_entered(store: StudyStore) -> None:
    ledger, _ = a_full_ledger(store)
    again = Ledger(store.optuna_study(CONFIG), CONFIG, Listener())
    assert again.records == ledger.records == store.records()
    assert again.standing == ledger.standing == standing_of(ledger.records, OBJECTIVES)
    assert again.n_sampled == ledger.n_sampled


def test_entrants_and_polished_versions_are_not_among_the_trials_that_were_asked_for(store: StudyStore) -> None:
    ledger, _ = a_full_ledger(store)
    assert ledger.n_sampled == 2


def test_samplers_learn_from_sampled_trials_alone(store: StudyStore) -> None:
    ledger, _ = a_full_ledger(store)
    complete = ledger.study.get_trials(states=[TrialState.COMPLETE])
    assert [trial.number for trial in complete] == [1]


def test_trackers_are_told_of_every_entry_and_where_the_study_then_stands(store: StudyStore) -> None:
    ledger, listener = a_full_ledger(store)
    assert listener.told == [("end", number) for number in range(4)]
    assert listener.standings == [standing_of(ledger.records[:count], OBJECTIVES) for count in range(1, 5)]
    assert listener.standings[-1].superseded == {1}


def test_reloading_forgets_what_was_never_entered(store: StudyStore) -> None:
    ledger, _ = a_full_ledger(store)
    ledger.records.append(a_record(9))
    ledger.reload()
    assert ledger.records == store.records()


def test_a_repeated_candidate_takes_over_the_figures_of_the_first() -> None:
    first = a_record(0, entrant=True)
    record = repeated(5, a_candidate(0), [a_record(1), first])
    assert record is not None
    assert (record.number, record.repeats, record.seconds) == (5, 0, 0.0)
    assert (record.figures, record.candidate, record.label) == (first.figures, first.candidate, first.label)
    assert not record.entrant


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


def test_a_space_is_used_up_by_its_own_points_alone() -> None:
    space = a_small_space()
    points = {candidate.label: candidate for candidate in (a_candidate(seed, space) for seed in range(40))}
    inside = [a_record(number, candidate=candidate) for number, candidate in enumerate(points.values())]
    outside = [a_record(number) for number in range(10, 20)]
    assert not used_up(space, [*inside[:3], *outside])
    assert not used_up(space, [*inside[:3], *inside[:3]])
    assert used_up(space, [*outside, *inside])
