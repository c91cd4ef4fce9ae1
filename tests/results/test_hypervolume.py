from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.choosing import Standing
from results.hypervolume import front_hypervolume, hypervolume, hypervolume_over_time, worst_costs
from tests.results.test_records import a_trial, failed, over_budget

OBJECTIVES = ("score", "latency_ms")
WORST = {"latency_ms": 8.0}
figures = st.fixed_dictionaries({"score": st.floats(0, 1), "latency_ms": st.floats(0, 10)})


def test_one_point_dominates_the_box_beyond_it() -> None:
    assert hypervolume([{"score": 0.75, "latency_ms": 2.0}], WORST) == pytest.approx(0.75 * 0.75)


def test_two_points_count_what_both_dominate_once() -> None:
    points = [{"score": 0.5, "latency_ms": 2.0}, {"score": 1.0, "latency_ms": 4.0}]
    assert hypervolume(points, WORST) == pytest.approx(0.5 + 0.5 * 0.25)


@given(st.lists(figures, max_size=6), figures)
def test_another_point_never_takes_any_away(points: list[dict[str, float]], another: dict[str, float]) -> None:
    before, after = hypervolume(points, WORST), hypervolume([*points, another], WORST)
    assert 0 <= before <= after + 1e-12
    assert after <= 1 + 1e-12


def test_the_worst_costs_are_the_entrants() -> None:
    trials = [a_trial(0, latency_ms=4.0, entrant=True), a_trial(1, latency_ms=9.0), failed(2)]
    assert worst_costs(trials, OBJECTIVES) == {"latency_ms": 4.0}
    assert worst_costs(trials[1:], OBJECTIVES) == {"latency_ms": 9.0}
    assert worst_costs(trials[2:], OBJECTIVES) == {}


def test_over_time_it_rises_to_that_of_the_front() -> None:
    trials = (
        a_trial(0, score=0.5, latency_ms=8.0, entrant=True, seconds=10),
        over_budget(1),
        a_trial(2, score=0.75, latency_ms=4.0, seconds=10),
        a_trial(3, score=0.25, latency_ms=4.0, seconds=10),
        a_trial(4, score=0.75, latency_ms=4.0, seconds=10, repeats=2),
        a_trial(5, score=1.0, latency_ms=6.0, seconds=10),
    )
    story = hypervolume_over_time(trials, OBJECTIVES)
    assert [seconds for seconds, _ in story] == [0.0, 32.5, 62.5, 62.5]
    assert story[-1][1] == pytest.approx(0.75 * 0.5 + 0.25 * 0.25)
    assert story[-1][1] == front_hypervolume(Standing(trials=trials, front=(2, 5)), OBJECTIVES)
