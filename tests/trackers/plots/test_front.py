from __future__ import annotations

from itertools import combinations

import pytest

from results.budgets import Budgets
from results.choosing import Standing
from tests.results.test_records import a_study, a_trial, failed, over_budget, polished, stopped, worse
from trackers.plots.front import front_figure

STANDING = Standing(
    trials=(
        a_trial(0, score=0.9, latency_ms=7.0),
        a_trial(1, score=0.6, latency_ms=7.5, entrant=True),
        over_budget(2),
        failed(3),
    ),
    front=(0,),
    recommended=0,
)
ALL_OBJECTIVES = ("score", "latency_ms", "memory_mb", "size_mb")


@pytest.mark.parametrize("n_objectives", [2, 3, 4])
def test_there_is_a_panel_for_each_pair_of_objectives(n_objectives: int) -> None:
    objectives = ALL_OBJECTIVES[:n_objectives]
    figure = front_figure(a_study(objectives=objectives), STANDING)
    panels = {(trace.xaxis, trace.yaxis) for trace in figure.data}
    assert len(panels) == len(list(combinations(objectives, 2)))


def test_the_score_is_always_the_upward_axis() -> None:
    figure = front_figure(a_study(objectives=ALL_OBJECTIVES), STANDING)
    across = [axis.title.text for axis in figure.select_xaxes()]
    upward = [axis.title.text for axis in figure.select_yaxes()]
    assert not any("score" in title for title in across)
    assert sum("score" in title for title in upward) == 3


def test_each_trial_is_drawn_as_what_became_of_it() -> None:
    figure = front_figure(a_study(objectives=("latency_ms", "size_mb")), STANDING)
    drawn = {trace.name: [text.split(" ")[0] for text in trace.text] for trace in figure.data}
    assert drawn == {
        "front": ["#0"],
        "dominated": ["#1"],
        "over-budget": ["#2"],
        "recommended": ["#0"],
        "entrant": ["#1"],
    }


def test_what_a_polished_version_supersedes_is_no_longer_drawn() -> None:
    trials = (a_trial(0, score=0.8), stopped(1), worse(2, of=0), polished(3, of=0))
    standing = Standing(trials=trials, front=(3,), recommended=3, superseded=frozenset({0}))
    figure = front_figure(a_study(objectives=("score", "latency_ms")), standing)
    assert {text.split(" ")[0] for trace in figure.data for text in trace.text} == {"#3"}


def test_a_trial_without_a_score_is_missing_from_panels_of_the_score() -> None:
    figure = front_figure(a_study(objectives=("score", "latency_ms")), STANDING)
    (trace,) = [trace for trace in figure.data if trace.name == "over-budget"]
    assert len(trace.x) == 0


def test_each_point_stands_at_its_figures() -> None:
    figure = front_figure(a_study(objectives=("score", "latency_ms")), STANDING)
    (trace,) = [trace for trace in figure.data if trace.name == "front"]
    assert (list(trace.x), list(trace.y)) == ([7.0], [0.9])


def test_budgets_of_the_objectives_are_drawn_as_lines() -> None:
    study = a_study(objectives=("score", "latency_ms"), budgets=Budgets(latency_ms=8.0, score=0.5, memory_mb=400.0))
    shapes = front_figure(study, STANDING).layout.shapes
    assert sorted((shape.x0, shape.y0) for shape in shapes if shape.x0 == 8.0) == [(8.0, 0)]
    assert [shape.y0 for shape in shapes if shape.y0 == shape.y1] == [0.5]
    assert len(shapes) == 2


def test_each_outcome_is_in_the_legend_once() -> None:
    figure = front_figure(a_study(), STANDING)
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert sorted(shown) == ["dominated", "entrant", "front", "over-budget", "recommended"]


def test_costs_have_logarithmic_axes_and_scores_do_not() -> None:
    figure = front_figure(a_study(objectives=("score", "latency_ms")), STANDING)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", None)


def test_scores_far_below_what_matters_do_not_squeeze_it() -> None:
    trials = (
        a_trial(0, score=0.95),
        a_trial(1, score=0.9, entrant=True),
        a_trial(2, score=0.1),
        a_trial(3, score=0.8),
    )
    standing = Standing(trials=trials, front=(0,), recommended=0)
    axis = front_figure(a_study(objectives=("score", "latency_ms")), standing).layout.yaxis
    assert axis.range[0] == pytest.approx(0.85)
    assert axis.title.text.endswith("2 trials are below")


def test_where_all_scores_matter_all_are_in_view() -> None:
    axis = front_figure(a_study(objectives=("score", "latency_ms")), STANDING).layout.yaxis
    assert axis.range is None
