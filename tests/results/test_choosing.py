from __future__ import annotations

import pytest
from hypothesis import given

from results.budgets import Budgets
from results.choosing import Standing, picked, standing_after, standing_of
from results.front import Pick, losses
from results.records import Status, TrialRecord
from tests.search.records import OBJECTIVES, a_record, histories


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


@given(histories())
def test_a_trial_is_superseded_exactly_where_a_scored_one_polishes_it(records: list[TrialRecord]) -> None:
    standing = standing_of(records, OBJECTIVES)
    polished = {record.polishes for record in records if record.status == "scored" and record.repeats is None}
    for record in records:
        if record.repeats is None and record.status == "scored":
            assert (standing.outcome(record) == "superseded") == (record.number in polished)


@given(histories())
def test_a_history_read_again_from_json_stands_the_same(records: list[TrialRecord]) -> None:
    again = [TrialRecord.from_dict(record.to_dict()) for record in records]
    assert standing_of(again, OBJECTIVES) == standing_of(records, OBJECTIVES)


@pytest.mark.parametrize("status", ["over-budget", "stopped", "failed"])
def test_a_trial_without_a_score_within_the_budgets_is_not_on_the_front_however_good(status: Status) -> None:
    records = [a_record(0), a_record(1, score=0.99, latency_ms=1.0, size_mb=1.0, status=status)]
    standing = standing_of(records, OBJECTIVES)
    assert standing.front == (0,)
    assert standing.outcome(records[1]) == status


def test_a_repeat_is_not_on_the_front() -> None:
    records = [a_record(0), a_record(1, repeats=0)]
    standing = standing_of(records, OBJECTIVES)
    assert standing.front == (0,)
    assert standing.outcome(records[1]) == "repeat"


def test_a_study_without_trials_recommends_nothing() -> None:
    standing = standing_of([], OBJECTIVES)
    assert (standing.trials, standing.front, standing.recommended) == ((), (), None)


def test_a_polished_version_takes_the_place_of_its_member_even_at_a_higher_cost() -> None:
    records = [a_record(0, score=0.8, latency_ms=4.0), a_record(1, score=0.85, latency_ms=4.1, polishes=0)]
    standing = standing_of(records, OBJECTIVES)
    assert (standing.front, standing.superseded) == ((1,), frozenset({0}))
    assert [standing.outcome(record) for record in records] == ["superseded", "front"]


def test_what_a_superseded_member_kept_off_comes_to_the_front() -> None:
    records = [
        a_record(0, score=0.8, latency_ms=4.0),
        a_record(1, score=0.79, latency_ms=4.0),
        a_record(2, score=0.9, latency_ms=4.5, polishes=0),
    ]
    before = standing_of(records[:2], OBJECTIVES)
    assert before.front == (0,)
    assert standing_after(before, records[2], OBJECTIVES).front == (2, 1)


@pytest.mark.parametrize("status", ["worse", "failed"])
def test_a_polishing_that_went_wrong_leaves_the_member_where_it_is(status: Status) -> None:
    records = [a_record(0, score=0.8), a_record(1, score=0.9, status=status, polishes=0)]
    standing = standing_of(records, OBJECTIVES)
    assert (standing.front, standing.superseded) == ((0,), frozenset())
    assert standing.outcome(records[1]) == status


def test_a_repeat_of_a_polished_member_does_not_bring_it_back() -> None:
    records = [a_record(0), a_record(1, score=0.9, polishes=0), a_record(2, repeats=0)]
    standing = standing_of(records, OBJECTIVES)
    assert standing.front == (1,)
    assert standing.outcome(records[2]) == "repeat"


@given(histories())
def test_without_limits_the_knee_is_the_recommended_trial(records: list[TrialRecord]) -> None:
    chosen = picked(records, Budgets(), OBJECTIVES, "knee")
    assert (None if chosen is None else chosen.number) == standing_of(records, OBJECTIVES).recommended


def test_the_trial_to_take_is_picked_from_those_within_the_limits() -> None:
    records = [
        a_record(0, score=0.9, latency_ms=6.0, size_mb=30.0),
        a_record(1, score=0.7, latency_ms=2.0, size_mb=20.0),
        a_record(2, score=0.6, latency_ms=3.0, size_mb=10.0),
        a_record(3, score=0.95, latency_ms=1.0, size_mb=1.0, status="over-budget"),
    ]

    def number(how: Pick, **limits: float) -> int | None:
        chosen = picked(records, Budgets.model_validate(limits), OBJECTIVES, how)
        return None if chosen is None else chosen.number

    assert (number("best"), number("fastest"), number("smallest")) == (0, 1, 2)
    assert number("best", latency_ms=3) == 1
    assert number("fastest", score=0.8) == 0
    assert number("best", size_mb=10, latency_ms=3) == 2
    assert number("knee", latency_ms=1.5) is None
