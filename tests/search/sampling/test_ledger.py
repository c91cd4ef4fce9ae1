from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from results.choosing import standing_of
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from tests.search.records import CONFIG, OBJECTIVES, SPACE, Listener, a_record, begun_store


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return begun_store(tmp_path)


def a_full_ledger(store: StudyStore) -> tuple[Ledger, Listener]:
    """One with a baseline, two sampled trials, one of them failed, and a polished version."""
    listener = Listener()
    ledger = Ledger(store.optuna_study(CONFIG), CONFIG, listener)
    ledger.enter(a_record(ledger.next_number, latency_ms=7.0, baseline=True))
    for record in (a_record(1, score=0.7), a_record(2, score=None, status="failed")):
        trial = ledger.study.ask()
        SPACE.sample(trial)
        ledger.enter(record, trial)
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


def test_baselines_and_polished_versions_are_not_among_the_trials_that_were_asked_for(store: StudyStore) -> None:
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
