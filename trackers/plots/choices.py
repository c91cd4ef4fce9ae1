"""What the choices do: all candidates side by side, and how much each choice decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import plotly.graph_objects as go
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from results.choosing import Standing
from results.records import StudyRecord, TrialRecord
from trackers.plots.features import Feature, features
from trackers.plots.style import BLUE, GREEN, GREY, LAYOUT, ORANGE, TITLES

COLOURS = (BLUE, ORANGE, GREEN, GREY)
# The newest trials are enough to tell, and a forest for a thousand takes half a minute.
MOST_TRIALS = 200
# Fewer say nothing of what decides.
FEWEST_TRIALS = 8


def parallel_figure(study: StudyRecord, standing: Standing) -> go.Figure:
    """A line for each scored trial through its choices, its score and its costs, the front's coloured."""
    trials = [trial for trial in standing.trials if trial.score is not None and trial.repeats is None]
    on_front = {*standing.front}
    dimensions = [_dimension(feature) for feature in features(trials)]
    for name in study.objectives:
        dimensions.append({"label": TITLES[name], "values": [t.figures[name] for t in trials], "tickformat": ".3g"})
    figure = go.Figure(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": [float(trial.number in on_front) for trial in trials],
                "colorscale": [[0, "#C8C8C8"], [1, BLUE]],
                "cmin": 0,
                "cmax": 1,
            },
            labelangle=-25,
            labelside="bottom",
        )
    )
    title = "The choices of each scored trial, its score and costs; the front in blue"
    return figure.update_layout(title=title, height=520, **LAYOUT | {"margin": {"t": 90, "r": 60, "l": 70, "b": 150}})


def importances_figure(study: StudyRecord, standing: Standing) -> go.Figure:
    """How much of the differences in score, and in each cost, each choice explains (fANOVA, Hutter et al. 2014)."""
    found: dict[str, dict[str, float]] = {name: importances(standing.trials, name) for name in study.objectives}
    known = {name: shares for name, shares in found.items() if shares}
    names = sorted({name for shares in known.values() for name in shares}, key=lambda name: _most(known, name))
    figure = go.Figure(
        [
            go.Bar(
                orientation="h", y=names, x=[shares.get(n, 0.0) for n in names], name=TITLES[objective], marker_color=c
            )
            for c, (objective, shares) in zip(COLOURS, known.items(), strict=False)
        ]
    )
    figure.update_xaxes(title_text="share of the differences that the choice explains, alone or with others")
    return figure.update_layout(
        title="What decides the score and each cost", barmode="group", height=160 + 60 * max(len(names), 2), **LAYOUT
    )


def importances(trials: Sequence[TrialRecord], figure: str) -> dict[str, float]:
    """How much of the differences in a figure each choice explains, as shares of one; nothing of too few trials."""
    known = [trial for trial in trials if figure in trial.figures and trial.repeats is None][-MOST_TRIALS:]
    values = [trial.figures[figure] if figure == "score" else float(np.log(trial.figures[figure])) for trial in known]
    if len(known) < FEWEST_TRIALS or len({*values}) < 2:
        return {}
    columns = features(known)
    if len(columns) < 2:
        return {column.name: 1.0 for column in columns}
    ranges: dict[str, BaseDistribution] = {c.name: FloatDistribution(min(c.values), max(c.values)) for c in columns}
    study = optuna.create_study()
    for index, value in enumerate(values):
        parameters = {column.name: column.values[index] for column in columns}
        study.add_trial(optuna.create_trial(params=parameters, distributions=ranges, value=value))
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def _most(found: Mapping[str, Mapping[str, float]], name: str) -> float:
    return max(shares.get(name, 0.0) for shares in found.values())


def _dimension(feature: Feature) -> dict[str, object]:
    told = {"label": feature.name, "values": feature.values}
    if feature.categories:
        return {**told, "tickvals": list(range(len(feature.categories))), "ticktext": feature.categories}
    return {**told, "tickformat": ".3g"}
