from __future__ import annotations

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.front import Pick, knee, losses, non_dominated, pick

OBJECTIVES = ("score", "latency_ms", "size_mb")
PICKS: tuple[Pick, ...] = ("knee", "best", "fastest", "smallest")

Figures = dict[str, float]

# Few different values, so that ties and equal points are common.
point_sets = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 4).map(float), min_size=width, max_size=width), min_size=1, max_size=15
    )
)
figure_sets = st.lists(
    st.fixed_dictionaries(
        {
            "score": st.integers(0, 10).map(lambda tenths: tenths / 10),
            "latency_ms": st.integers(1, 10).map(float),
            "size_mb": st.integers(1, 10).map(float),
        }
    ),
    min_size=1,
    max_size=10,
)


def dominates(one: list[float], other: list[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(point_sets)
def test_the_front_is_what_no_other_point_dominates(points: list[list[float]]) -> None:
    expected = [not any(dominates(other, point) for other in points) for point in points]
    assert non_dominated(np.array(points)).tolist() == expected
    assert any(expected)


@settings(deadline=None, max_examples=40)
@given(point_sets)
def test_the_front_is_the_one_that_optuna_finds(points: list[list[float]]) -> None:
    study = optuna.create_study(directions=["minimize"] * len(points[0]))
    study.add_trials([optuna.create_trial(values=point) for point in points])
    ours = {tuple(points[index]) for index in np.flatnonzero(non_dominated(np.array(points)))}
    if len(points[0]) == 1:
        theirs = {tuple(study.best_trial.values)}
    else:
        theirs = {tuple(trial.values) for trial in study.best_trials}
    assert ours == theirs


@given(point_sets, st.data())
def test_a_dominated_point_changes_nothing(points: list[list[float]], data: st.DataObject) -> None:
    better = data.draw(st.sampled_from(points))
    worse = [value + data.draw(st.integers(0, 3)) for value in better]
    worse[data.draw(st.integers(0, len(better) - 1))] += 1
    before = non_dominated(np.array(points)).tolist()
    assert non_dominated(np.array([*points, worse])).tolist() == [*before, False]


@given(point_sets, st.randoms())
def test_the_order_of_the_points_makes_no_difference(points: list[list[float]], random: object) -> None:
    order = list(range(len(points)))
    random.shuffle(order)  # type: ignore[attr-defined]
    before = non_dominated(np.array(points))
    assert non_dominated(np.array([points[index] for index in order])).tolist() == before[order].tolist()


def test_equal_points_are_both_on_the_front() -> None:
    assert non_dominated(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 2.0]])).tolist() == [True, True, False]


def test_a_better_score_is_a_smaller_loss() -> None:
    assert losses({"score": 0.8, "latency_ms": 3.0, "size_mb": 9.0}, ("latency_ms", "score")) == [3.0, -0.8]


@pytest.mark.parametrize("how", PICKS)
@given(candidates=figure_sets)
def test_what_is_picked_is_one_of_the_candidates(how: Pick, candidates: list[Figures]) -> None:
    assert 0 <= pick(candidates, OBJECTIVES, how) < len(candidates)


@given(figure_sets)
def test_best_fastest_and_smallest_are_what_they_say(candidates: list[Figures]) -> None:
    best, fastest, smallest = (candidates[pick(candidates, OBJECTIVES, how)] for how in PICKS[1:])
    assert best["score"] == max(figures["score"] for figures in candidates)
    assert fastest["latency_ms"] == min(figures["latency_ms"] for figures in candidates)
    assert smallest["size_mb"] == min(figures["size_mb"] for figures in candidates)


@pytest.mark.parametrize("how", PICKS)
@given(candidates=figure_sets)
def test_no_candidate_dominates_the_one_picked(how: Pick, candidates: list[Figures]) -> None:
    points = [losses(figures, OBJECTIVES) for figures in candidates]
    chosen = points[pick(candidates, OBJECTIVES, how)]
    assert not any(dominates(point, chosen) for point in points)


@given(figure_sets)
def test_the_knee_does_not_depend_on_the_unit_of_a_cost(candidates: list[Figures]) -> None:
    seconds = [{**figures, "latency_ms": figures["latency_ms"] * 1024} for figures in candidates]
    one, other = (losses(candidates[knee(figures, OBJECTIVES)], OBJECTIVES) for figures in (candidates, seconds))
    if one != other:
        assert _distance(candidates, one) == pytest.approx(_distance(candidates, other))


def _distance(candidates: list[Figures], chosen: list[float]) -> float:
    scores = [figures["score"] for figures in candidates]
    total = ((max(scores) + chosen[0]) / max(max(scores) - min(scores), 0.05)) ** 2
    for index, name in enumerate(OBJECTIVES[1:], start=1):
        costs = [figures[name] for figures in candidates]
        span = max(np.log(max(costs) / min(costs)), np.log(2))
        total += (np.log(chosen[index] / min(costs)) / span) ** 2
    return float(np.sqrt(total))


@given(figure_sets)
def test_the_knee_is_nearest_to_the_ideal(candidates: list[Figures]) -> None:
    chosen = losses(candidates[knee(candidates, OBJECTIVES)], OBJECTIVES)
    nearest = min(_distance(candidates, losses(figures, OBJECTIVES)) for figures in candidates)
    assert _distance(candidates, chosen) == pytest.approx(nearest)


def test_ties_are_decided_by_the_knee() -> None:
    candidates = [
        {"score": 0.9, "latency_ms": 8.0, "size_mb": 40.0},
        {"score": 0.9, "latency_ms": 2.0, "size_mb": 44.0},
        {"score": 0.5, "latency_ms": 1.0, "size_mb": 10.0},
    ]
    assert pick(candidates, OBJECTIVES, "best") == 1


def test_the_first_of_equal_candidates_is_taken() -> None:
    candidates = [{"score": 0.9, "latency_ms": 2.0, "size_mb": 4.0}] * 3
    assert [pick(candidates, OBJECTIVES, how) for how in PICKS] == [0, 0, 0, 0]


@given(st.floats(1.0, 500.0), st.floats(0.001, 0.02), st.floats(0.05, 0.5))
def test_the_knee_gives_up_no_score_for_a_hair_of_latency(latency: float, hair: float, score: float) -> None:
    candidates = [
        {"score": 0.9, "latency_ms": latency * (1 + hair)},
        {"score": 0.9 - score, "latency_ms": latency},
    ]
    assert knee(candidates, ("score", "latency_ms")) == 0


def test_the_knee_gives_up_a_hair_of_score_for_half_the_latency() -> None:
    candidates = [{"score": 0.9, "latency_ms": 8.0}, {"score": 0.899, "latency_ms": 4.0}]
    assert knee(candidates, ("score", "latency_ms")) == 1


def test_the_knee_takes_the_middle_over_either_extreme() -> None:
    candidates = [
        {"score": 0.90, "latency_ms": 16.0},
        {"score": 0.88, "latency_ms": 4.0},
        {"score": 0.60, "latency_ms": 1.0},
    ]
    assert pick(candidates, ("score", "latency_ms"), "knee") == 1
