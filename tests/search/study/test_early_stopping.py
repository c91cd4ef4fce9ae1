from __future__ import annotations

import statistics
from dataclasses import replace
from random import Random

import pytest
from early_stopping import on_front, outcome, recorded_curves
from hypothesis import assume, given
from hypothesis import strategies as st

from search.study.early_stopping import MIN_FINISHED, Curve, is_hopeless, margin

# Few different values, so that rivals and ties are common.
tenths = st.integers(0, 10).map(lambda value: value / 10)
cost_pairs = st.tuples(st.integers(1, 3).map(float), st.integers(1, 3).map(float))
finished_curves = st.builds(Curve, costs=cost_pairs, scores=st.lists(tenths, min_size=1, max_size=4).map(tuple))
curves = finished_curves | finished_curves.map(lambda curve: replace(curve, finished=False))
many_finished = st.lists(finished_curves, min_size=MIN_FINISHED, max_size=12)
histories = st.tuples(many_finished, st.lists(curves, max_size=4)).map(lambda parts: [*parts[0], *parts[1]])

GOOD = Curve((1.0, 1.0), (0.7, 0.8, 0.9))
POOR = Curve((2.0, 2.0), (0.3,))


def rivals_scores(trial: Curve, past: list[Curve]) -> list[float]:
    """What those who cost no more had at the trial's last report."""
    at = len(trial.scores) - 1
    cheap = [curve for curve in past if all(a <= b for a, b in zip(curve.costs, trial.costs, strict=True))]
    return [curve.scores[at] for curve in cheap if len(curve.scores) > at]


@given(st.lists(finished_curves, max_size=MIN_FINISHED - 1), st.lists(curves, max_size=8), curves)
def test_nothing_is_stopped_before_enough_trials_have_finished(
    finished: list[Curve], others: list[Curve], trial: Curve
) -> None:
    stopped = [replace(curve, finished=False) for curve in others]
    assert not is_hopeless(trial, [*finished, *stopped])


@given(histories, curves)
def test_a_trial_that_nobody_undercuts_in_costs_is_never_stopped(past: list[Curve], trial: Curve) -> None:
    dearer = [replace(curve, costs=(trial.costs[0] + 1, curve.costs[1])) for curve in past]
    assert not is_hopeless(trial, dearer)


@given(histories, curves)
def test_a_trial_at_or_above_the_median_of_its_rivals_is_never_stopped(past: list[Curve], trial: Curve) -> None:
    rivals = rivals_scores(trial, past)
    assume(rivals)
    level = max(trial.scores[-1], statistics.median(rivals))
    assert not is_hopeless(replace(trial, scores=(*trial.scores[:-1], level)), past)


@given(histories, curves)
def test_a_better_score_does_not_make_a_trial_hopeless(past: list[Curve], trial: Curve) -> None:
    better = replace(trial, scores=(*trial.scores[:-1], trial.scores[-1] + 0.1))
    assert is_hopeless(trial, past) or not is_hopeless(better, past)


@given(st.lists(finished_curves, max_size=8), st.integers(1, 4))
def test_a_margin_is_never_negative_and_no_wider_than_the_scores_apart(finished: list[Curve], reports: int) -> None:
    shown = [curve.scores[reports - 1] for curve in finished if len(curve.scores) >= reports]
    assert 0 <= margin(finished, reports) <= max(shown, default=0) - min(shown, default=0)


@given(st.lists(finished_curves, max_size=8), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_order_of_the_trials_makes_no_difference(finished: list[Curve], reports: int, random: Random) -> None:
    shuffled = list(finished)
    random.shuffle(shuffled)
    assert margin(shuffled, reports) == margin(finished, reports)


@given(many_finished, st.integers(1, 4))
def test_half_of_those_that_came_back_were_behind_by_no_more_than_the_margin(past: list[Curve], reports: int) -> None:
    behind = [
        rival.scores[reports - 1] - curve.scores[reports - 1]
        for curve in past
        for rival in past
        if rival is not curve
        and rival.costs_no_more_than(curve)
        and rival.scores[-1] < curve.scores[-1]
        and min(len(rival.scores), len(curve.scores)) >= reports
    ]
    assert 2 * sum(gap <= margin(past, reports) + 1e-9 for gap in behind) >= len(behind)


def test_a_trial_far_below_those_that_cost_no_more_is_stopped() -> None:
    assert is_hopeless(POOR, [GOOD] * MIN_FINISHED)


def test_a_margin_is_how_far_behind_one_was_that_came_back() -> None:
    late = Curve((1.0, 2.0), (0.2, 0.5, 0.95))
    assert margin([GOOD, late], 1) == pytest.approx(0.5)
    assert margin([GOOD, late], 2) == pytest.approx(0.3)
    assert margin([GOOD, late], 3) == 0


def test_a_margin_is_the_median_where_one_that_was_never_behind_counts_nothing() -> None:
    late, early = Curve((1.0, 2.0), (0.2, 0.5, 0.95)), Curve((2.0, 1.0), (0.8, 0.9, 0.95))
    assert margin([GOOD, late, early], 1) == pytest.approx(0.25)


def test_a_trial_behind_by_no_more_than_those_that_came_back_goes_on() -> None:
    late = Curve((1.0, 2.0), (0.2, 0.5, 0.95))
    past = [*[GOOD] * MIN_FINISHED, late]
    assert not is_hopeless(Curve((2.0, 2.0), (0.25,)), past)
    assert is_hopeless(Curve((2.0, 2.0), (0.15,)), past)


def test_what_fell_behind_one_that_costs_more_is_no_comeback() -> None:
    cheaper = Curve((0.5, 1.0), (0.2, 0.5, 0.95))
    assert margin([GOOD, cheaper], 1) == 0


def test_a_trial_that_was_stopped_is_a_rival_and_no_example_of_a_comeback() -> None:
    stopped = replace(GOOD, finished=False)
    dear = [replace(GOOD, costs=(9.0, 9.0))] * MIN_FINISHED
    assert is_hopeless(POOR, [*dear, stopped])
    assert not is_hopeless(POOR, dear)


def test_rivals_that_ended_before_the_report_say_nothing_of_it() -> None:
    past = [GOOD] * MIN_FINISHED
    assert not is_hopeless(Curve((2.0, 2.0), (0.1, 0.1, 0.1, 0.1)), past)
    assert is_hopeless(Curve((2.0, 2.0), (0.1, 0.1, 0.1)), past)


def test_one_bad_report_stops_no_trial() -> None:
    past = [GOOD] * MIN_FINISHED
    assert not is_hopeless(Curve((2.0, 2.0), (0.6, 0.9, 0.1)), past)


def test_a_third_of_recorded_trainings_is_saved_and_none_of_their_front_is_stopped() -> None:
    curves = recorded_curves()
    saved, stopped_of_the_front = outcome(curves)
    assert len(on_front(curves)) > 3
    assert saved >= 1 / 3
    assert stopped_of_the_front == 0
