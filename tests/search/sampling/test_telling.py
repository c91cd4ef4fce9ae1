from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from results.choosing import standing_of
from results.records import TrialRecord
from search.sampling.store import RECORD, StudyStore
from search.sampling.telling import MAX_CUT_OFF, add, recover, tell
from tests.search.records import CONFIG, ENTRANTS, OBJECTIVES, SPACE, a_record, begun_store


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    return begun_store(tmp_path)


@pytest.mark.parametrize(
    "figures",
    [
        {"score": 0.8},
        {"score": None, "latency_ms": 16.0, "status": "over-budget"},
        {"score": 0.2, "status": "over-budget"},
        {"score": None, "size_mb": 75.0, "status": "over-budget"},
    ],
)
def test_every_budget_is_a_constraint_on_a_completed_trial(store: StudyStore, figures: Mapping[str, Any]) -> None:
    study = store.optuna_study(CONFIG)
    record = a_record(0, **figures)
    tell(study, study.ask(), record, CONFIG)
    (trial,) = StudyStore(store.folder.parents[1], "mine").optuna_study(CONFIG).get_trials()
    assert trial.state == TrialState.COMPLETE
    assert trial.constraints.keys() == {"latency_ms", "memory_mb", "size_mb", "score"}
    feasible = all(value <= 0 for value in trial.constraints.values())
    assert feasible == (record.status == "scored")
    assert trial.values == [record.score or 0.0, record.figures["latency_ms"], record.figures["size_mb"]]


def test_a_score_that_is_not_known_breaks_no_floor(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    tell(study, study.ask(), a_record(0, score=None, latency_ms=16.0, status="over-budget"), CONFIG)
    constraints = study.get_trials()[0].constraints
    assert constraints["score"] <= 0
    assert constraints["latency_ms"] == pytest.approx(1.0)


def test_a_failed_trial_is_failed_and_remembered(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    record = a_record(0, status="failed", score=None)
    tell(study, study.ask(), record, CONFIG)
    assert study.get_trials()[0].state == TrialState.FAIL
    assert store.records() == [record]


def test_a_trial_that_was_stopped_is_told_with_the_last_score_of_its_training(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    tell(study, study.ask(), a_record(0, score=None, status="stopped", curve=(0.5, 0.625)), CONFIG)
    (trial,) = study.get_trials()
    assert trial.state == TrialState.COMPLETE
    assert trial.values == [0.625, 4.0, 20.0]
    assert all(value <= 0 for value in trial.constraints.values())


def test_a_score_of_the_artefact_goes_before_those_of_its_training(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    tell(study, study.ask(), a_record(0, score=0.75, curve=(0.5, 0.625)), CONFIG)
    assert study.get_trials()[0].values[0] == 0.75


def test_a_trial_that_no_sampler_proposed_is_remembered_and_not_learnt_from(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    records = [a_record(0, entrant=True, latency_ms=1.0), a_record(1, polishes=0, score=0.9, curve=(0.5, 0.75))]
    for record in records:
        add(study, record)
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL] * 2
    assert study.best_trials == []
    assert store.records() == records


def test_optuna_sees_the_front_that_the_study_sees(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    records = [
        a_record(0, score=0.9, latency_ms=7.0),
        a_record(1, score=0.7, latency_ms=2.0),
        a_record(2, score=0.6, latency_ms=7.5),
        a_record(3, score=None, latency_ms=30.0, size_mb=1.0, status="over-budget"),
        a_record(4, score=0.3, latency_ms=1.0, size_mb=1.0, status="over-budget"),
        a_record(5, status="failed", score=None),
    ]
    for record in records:
        tell(study, study.ask(), record, CONFIG)
    ours = standing_of(store.records(), OBJECTIVES).front
    assert set(ours) == {trial.number for trial in study.best_trials} == {0, 1}


def cut_off_trial(store: StudyStore) -> optuna.trial.Trial:
    """A trial with a candidate and an artefact, left running as by a process that died."""
    trial = store.optuna_study(CONFIG).ask()
    SPACE.sample(trial)
    store.trial_folder(trial.number).mkdir(parents=True)
    return trial


def waiting(study: optuna.Study) -> list[dict[str, Any]]:
    trials = study.get_trials(states=[TrialState.WAITING])
    return [trial.system_attrs["fixed_params"] for trial in trials]


def test_a_trial_that_was_cut_off_is_failed_and_its_candidate_comes_again(store: StudyStore) -> None:
    trial = cut_off_trial(store)
    study = store.optuna_study(CONFIG)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert study.get_trials()[trial.number].state == TrialState.FAIL
    assert waiting(study) == [trial.params]
    assert not store.trial_folder(trial.number).exists()
    again = study.ask()
    SPACE.sample(again)
    assert again.params == trial.params
    assert again.number != trial.number


def test_recovering_twice_proposes_a_candidate_once(store: StudyStore) -> None:
    cut_off_trial(store)
    study = store.optuna_study(CONFIG)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert len(waiting(study)) == 1
    assert store.records() == []


def test_a_candidate_that_is_cut_off_again_is_given_up(store: StudyStore) -> None:
    params = []
    for _ in range(MAX_CUT_OFF):
        params.append(cut_off_trial(store).params)
        study = store.optuna_study(CONFIG)
        recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert all(other == params[0] for other in params)
    assert waiting(study) == []
    assert not study.get_trials(states=[TrialState.RUNNING])
    (given_up,) = store.records()
    assert given_up.status == "failed"
    assert f"{MAX_CUT_OFF} times" in given_up.reason
    assert given_up.number == study.get_trials()[-1].number


def test_two_trials_that_were_cut_off_both_come_again(store: StudyStore) -> None:
    one, other = cut_off_trial(store), cut_off_trial(store)
    study = store.optuna_study(CONFIG)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert one.params != other.params
    assert waiting(study) == [one.params, other.params]


def test_a_trial_that_was_cut_off_before_it_had_a_candidate_is_not_proposed(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    study.ask()
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert waiting(study) == []
    assert study.get_trials()[0].state == TrialState.FAIL


def test_finished_trials_are_left_as_they_are(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    tell(study, study.ask(), a_record(0), CONFIG)
    tell(study, study.ask(), a_record(1, status="failed", score=None), CONFIG)
    store.trial_folder(0).mkdir(parents=True)
    before = store.records()
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert store.records() == before
    assert waiting(study) == []
    assert store.trial_folder(0).is_dir()


def test_no_member_of_the_front_is_without_its_artefact(store: StudyStore) -> None:
    trial = cut_off_trial(store)
    trial.set_user_attr(RECORD, a_record(trial.number).to_dict())
    recover(store.optuna_study(CONFIG), store, CONFIG, SPACE, ENTRANTS)
    standing = standing_of(store.records(), OBJECTIVES)
    assert all(store.trial_folder(number).is_dir() for number in standing.front)


@pytest.mark.parametrize(
    "record",
    [a_record(0), a_record(0, score=None, status="stopped", curve=(0.5,)), a_record(0, score=None, status="failed")],
    ids=lambda record: record.status,
)
def test_a_trial_that_was_cut_off_after_its_record_was_written_is_finished(
    store: StudyStore, record: TrialRecord
) -> None:
    cut_off_trial(store).set_user_attr(RECORD, record.to_dict())
    study = store.optuna_study(CONFIG)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert store.records() == [record]
    assert waiting(study) == []
    assert not study.get_trials(states=[TrialState.RUNNING])
    assert store.trial_folder(0).is_dir()


def test_recovering_leaves_what_no_sampler_proposed_as_it_is(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    add(study, a_record(0, entrant=True))
    store.trial_folder(0).mkdir(parents=True)
    recover(study, store, CONFIG, SPACE, ENTRANTS)
    assert waiting(study) == []
    assert len(study.get_trials()) == 1
    assert store.trial_folder(0).is_dir()
