from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from search.config import StudyConfig
from search.errors import RunError
from search.front import losses
from search.standing import standing_after, standing_of
from search.store import RECORD, StudyStore
from search.study import GIVE_UP_AFTER, repeated, search
from search.telling import MAX_CUT_OFF, recover, tell
from spaces import Candidate, Shape, Space
from trackers.records import Standing, Status, TrialRecord
from trackers.tracker import Tracker

SHAPE = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
SPACE = Space.load("default", SHAPE)
OBJECTIVES = ("score", "latency_ms", "size_mb")
CONFIG = StudyConfig.model_validate(
    {
        "name": "mine",
        "task": "movie-snippets",
        "budgets": {"latency_ms": 8, "memory_mb": 400, "size_mb": 50, "score": 0.5},
    }
)


@pytest.fixture
def store(tmp_path: Path) -> StudyStore:
    store = StudyStore(tmp_path, "mine")
    with store.locked():
        store.save_config(CONFIG, {})
    return store


def a_candidate(seed: int = 0) -> Candidate:
    return SPACE.sample(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask())


def a_record(
    number: int,
    score: float | None = 0.8,
    latency_ms: float = 4.0,
    size_mb: float = 20.0,
    status: Status = "scored",
    repeats: int | None = None,
    candidate: Candidate | None = None,
) -> TrialRecord:
    candidate = candidate or a_candidate(number)
    costs = {"latency_ms": latency_ms, "latency_p95_ms": latency_ms + 1, "memory_mb": 300.0, "size_mb": size_mb}
    return TrialRecord(
        number=number,
        label=candidate.label,
        candidate=candidate.model_dump(mode="json"),
        status=status,
        costs={} if status == "failed" else costs,
        score=score,
        seconds=3.0,
        repeats=repeats,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[TrialRecord]:
    records: list[TrialRecord] = []
    for number in range(draw(st.integers(0, 12))):
        status: Status = draw(st.sampled_from(["scored", "scored", "scored", "over-budget", "failed"]))
        first = [record.number for record in records if record.repeats is None and record.status != "failed"]
        repeats = draw(st.none() | st.sampled_from(first)) if first else None
        if repeats is not None:
            earlier = records[repeats]
            records.append(TrialRecord(**{**earlier.to_dict(), "number": number, "repeats": repeats, "seconds": 0.0}))
            continue
        score = draw(st.integers(0, 10)) / 10 if status == "scored" else None
        records.append(
            a_record(
                number,
                score=score,
                latency_ms=float(draw(st.integers(1, 6))),
                size_mb=float(draw(st.integers(1, 6))),
                status=status,
                candidate=CANDIDATE,
            )
        )
    return records


CANDIDATE = a_candidate()


@given(histories())
def test_only_scored_trials_that_are_no_repeats_are_on_the_front(records: list[TrialRecord]) -> None:
    standing = standing_of(records, OBJECTIVES)
    eligible = {record.number for record in records if record.status == "scored" and record.repeats is None}
    assert set(standing.front) <= eligible
    assert bool(standing.front) == bool(eligible)
    assert standing.trials == tuple(records)
    assert [standing.outcome(record) for record in standing.members] == ["front"] * len(standing.front)


@given(histories())
def test_every_scored_trial_off_the_front_is_dominated_by_a_member(records: list[TrialRecord]) -> None:
    standing = standing_of(records, OBJECTIVES)
    members = [losses(member.figures, OBJECTIVES) for member in standing.members]
    for record in records:
        if standing.outcome(record) == "dominated":
            point = losses(record.figures, OBJECTIVES)
            assert any(
                member != point and all(a <= b for a, b in zip(member, point, strict=True)) for member in members
            )


@given(histories())
def test_the_recommended_trial_is_on_the_front(records: list[TrialRecord]) -> None:
    standing = standing_of(records, OBJECTIVES)
    assert (standing.recommended in standing.front) if standing.front else (standing.recommended is None)


@given(histories())
def test_the_front_begins_with_the_best_of_the_first_objective(records: list[TrialRecord]) -> None:
    for first in OBJECTIVES:
        objectives = (first, *(name for name in OBJECTIVES if name != first))
        members = standing_of(records, objectives).members
        values = [losses(member.figures, [first])[0] for member in members]
        assert values == sorted(values)


@given(histories())
def test_the_standing_after_each_trial_is_the_standing_of_all_so_far(records: list[TrialRecord]) -> None:
    standing = Standing()
    for count, record in enumerate(records, start=1):
        standing = standing_after(standing, record, OBJECTIVES)
        assert standing == standing_of(records[:count], OBJECTIVES)


def test_a_trial_over_budget_is_not_on_the_front_however_good() -> None:
    records = [a_record(0), a_record(1, score=0.99, latency_ms=1.0, size_mb=1.0, status="over-budget")]
    standing = standing_of(records, OBJECTIVES)
    assert standing.front == (0,)
    assert standing.outcome(records[1]) == "over-budget"


def test_a_repeat_is_not_on_the_front() -> None:
    records = [a_record(0), a_record(1, repeats=0)]
    standing = standing_of(records, OBJECTIVES)
    assert standing.front == (0,)
    assert standing.outcome(records[1]) == "repeat"


def test_a_study_without_trials_recommends_nothing() -> None:
    standing = standing_of([], OBJECTIVES)
    assert (standing.trials, standing.front, standing.recommended) == ((), (), None)


def test_a_repeated_candidate_takes_over_the_figures_of_the_first() -> None:
    first = a_record(0)
    record = repeated(5, a_candidate(0), [a_record(1), first])
    assert record is not None
    assert (record.number, record.repeats, record.seconds) == (5, 0, 0.0)
    assert (record.figures, record.candidate, record.label) == (first.figures, first.candidate, first.label)


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
    assert trial.values == [record.score or 0.0, record.costs["latency_ms"], record.costs["size_mb"]]


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
    recover(study, store, CONFIG, SPACE)
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
    recover(study, store, CONFIG, SPACE)
    recover(study, store, CONFIG, SPACE)
    assert len(waiting(study)) == 1
    assert store.records() == []


def test_a_candidate_that_is_cut_off_again_is_given_up(store: StudyStore) -> None:
    params = []
    for _ in range(MAX_CUT_OFF):
        params.append(cut_off_trial(store).params)
        study = store.optuna_study(CONFIG)
        recover(study, store, CONFIG, SPACE)
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
    recover(study, store, CONFIG, SPACE)
    assert one.params != other.params
    assert waiting(study) == [one.params, other.params]


def test_a_trial_that_was_cut_off_before_it_had_a_candidate_is_not_proposed(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    study.ask()
    recover(study, store, CONFIG, SPACE)
    assert waiting(study) == []
    assert study.get_trials()[0].state == TrialState.FAIL


def test_finished_trials_are_left_as_they_are(store: StudyStore) -> None:
    study = store.optuna_study(CONFIG)
    tell(study, study.ask(), a_record(0), CONFIG)
    tell(study, study.ask(), a_record(1, status="failed", score=None), CONFIG)
    store.trial_folder(0).mkdir(parents=True)
    before = store.records()
    recover(study, store, CONFIG, SPACE)
    assert store.records() == before
    assert waiting(study) == []
    assert store.trial_folder(0).is_dir()


def test_no_member_of_the_front_is_without_its_artefact(store: StudyStore) -> None:
    trial = cut_off_trial(store)
    trial.set_user_attr(RECORD, a_record(trial.number).to_dict())
    recover(store.optuna_study(CONFIG), store, CONFIG, SPACE)
    standing = standing_of(store.records(), OBJECTIVES)
    assert all(store.trial_folder(number).is_dir() for number in standing.front)


def cheap_run(number: int, candidate: Candidate) -> TrialRecord:
    """A trial without training: figures that a candidate's sizes decide."""
    architecture = candidate.architecture
    work = sum(ffn * head for ffn, head in zip(architecture.ffn_sizes, architecture.heads, strict=True)) / 4096
    if work > 12:
        return a_record(number, None, work, 10 + work, "over-budget", candidate=candidate)
    return a_record(number, 1 - 1 / (2 + work), work, 10 + work, candidate=candidate)


def searched(store: StudyStore, space: Space = SPACE, trials: int = 14, tracker: Tracker | None = None) -> list[Any]:
    """The records of the study after a run of its trials."""
    config = CONFIG.model_copy(update={"trials": trials})
    study = store.optuna_study(config)
    recover(study, store, CONFIG, SPACE)
    records = store.records()
    search(study, records, config, space, tracker or Tracker(), cheap_run)
    assert records == store.records()
    return records


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


def a_small_space() -> Space:
    raw = SPACE.model_dump(mode="json")
    raw["architecture"] |= {"depth": {"values": [6]}, "heads": {"values": [4, 8]}, "ffn_size": {"values": [64, 128]}}
    raw["compression"] = {"quantisation": {"values": ["none"]}}
    raw["training"] = {"learning_rate": 1e-4, "epochs": 1, "batch_size": 8}
    return Space.model_validate(raw)


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

    study = store.optuna_study(CONFIG)
    search(study, [], CONFIG.model_copy(update={"trials": 100}), a_small_space(), Tracker(), run)
    assert len(ran) == len(set(ran)) == 4


def test_no_time_means_no_trials(store: StudyStore) -> None:
    study, records = store.optuna_study(CONFIG), list[TrialRecord]()
    search(study, records, CONFIG.model_copy(update={"time": 1e-9}), SPACE, Tracker(), cheap_run)
    assert records == []


def test_a_study_whose_first_trials_all_fail_is_given_up(store: StudyStore) -> None:
    def run(number: int, candidate: Candidate) -> TrialRecord:
        return a_record(number, None, status="failed", candidate=candidate)

    with pytest.raises(RunError, match=f"the first {GIVE_UP_AFTER} trials all failed"):
        search(store.optuna_study(CONFIG), [], CONFIG, SPACE, Tracker(), run)
    assert len(store.records()) == GIVE_UP_AFTER


def test_failures_among_the_first_trials_do_not_end_the_study(store: StudyStore) -> None:
    def run(number: int, candidate: Candidate) -> TrialRecord:
        if number % 2:
            return cheap_run(number, candidate)
        return a_record(number, None, status="failed", candidate=candidate)

    records: list[TrialRecord] = []
    search(store.optuna_study(CONFIG), records, CONFIG.model_copy(update={"trials": 10}), SPACE, Tracker(), run)
    assert [record.status == "failed" for record in records] == [True, False] * 5


def test_a_stop_by_the_user_leaves_a_trial_that_comes_again(store: StudyStore) -> None:
    tried: list[Candidate] = []

    def run(number: int, candidate: Candidate) -> TrialRecord:
        tried.append(candidate)
        if number == 3:
            raise KeyboardInterrupt
        return cheap_run(number, candidate)

    records: list[TrialRecord] = []
    with pytest.raises(KeyboardInterrupt):
        search(store.optuna_study(CONFIG), records, CONFIG, SPACE, Tracker(), run)
    assert [record.number for record in records] == [0, 1, 2]
    resumed = searched(store, trials=5)
    assert [record.number for record in resumed] == [0, 1, 2, 4, 5]
    assert resumed[3].candidate == tried[-1].model_dump(mode="json")


class Listener(Tracker):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.standings: list[Standing] = []

    def start_trial(self, number: int, label: str) -> None:
        self.told.append(("start", number))

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        self.told.append(("end", trial.number))
        self.standings.append(standing)


def test_trackers_are_told_of_every_trial_and_where_the_study_then_stands(store: StudyStore) -> None:
    listener = Listener()
    records = searched(store, trials=6, tracker=listener)
    assert listener.told == [(what, number) for number in range(6) for what in ("start", "end")]
    assert listener.standings == [standing_of(records[:count], OBJECTIVES) for count in range(1, 7)]
