"""The front: score and costs of all trials, for each pair of objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from results.choosing import Standing
from results.records import StudyRecord, TrialRecord
from trackers.plots.style import BLACK, LAYOUT, ORANGE, STYLES, TICKS, TITLES

# At least so much of the score below all that matters is shown.
LEAST_MARGIN = 0.05


def front_figure(study: StudyRecord, standing: Standing) -> go.Figure:
    """A panel for each pair of objectives: the front, what it dominates, what broke a budget, the budgets."""
    # The score comes first and points upwards: what a person looks for is what score a cost buys.
    pairs = [(x, y) for y, x in combinations(sorted(study.objectives, key=lambda name: name != "score"), 2)]
    columns = min(len(pairs), 2)
    rows = -(-len(pairs) // columns)
    figure = make_subplots(rows=rows, cols=columns, horizontal_spacing=0.14, vertical_spacing=0.2 / rows)
    for index, (x, y) in enumerate(pairs):
        place = {"row": index // columns + 1, "col": index % columns + 1}
        for outcome, (colour, symbol) in STYLES.items():
            trials = [t for t in standing.trials if standing.outcome(t) == outcome and {x, y} <= t.figures.keys()]
            marker = {"color": colour, "symbol": symbol, "size": 11 if outcome == "front" else 8}
            figure.add_trace(_points(trials, x, y, outcome, marker, legend=index == 0), **place)
        chosen = [] if standing.chosen is None else [standing.chosen]
        ring = {"color": "rgba(0,0,0,0)", "symbol": "circle", "size": 19, "line": {"color": BLACK, "width": 2}}
        figure.add_trace(_points(chosen, x, y, "recommended", ring, legend=index == 0), **place)
        known = [trial for trial in standing.trials if trial.entrant and {x, y} <= trial.figures.keys()]
        diamond = {"color": BLACK, "symbol": "diamond-open", "size": 13}
        figure.add_trace(_points(known, x, y, "entrant", diamond, legend=index == 0), **place)
        dashed = {"line_dash": "dash", "line_color": ORANGE, "line_width": 1}
        if _in_view(x, study, standing):
            figure.add_vline(study.budgets.limits[x], **dashed, **place)
        if _in_view(y, study, standing):
            figure.add_hline(study.budgets.limits[y], **dashed, **place)
        figure.update_xaxes(**_axis(x, study, standing), **place)
        figure.update_yaxes(**_axis(y, study, standing), **place)
    figure.update_layout(
        title=f"{study.name}: {study.task} on {study.device}",
        height=380 * rows + 60,
        **LAYOUT,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def _axis(name: str, study: StudyRecord, standing: Standing) -> dict[str, Any]:
    """An axis for a figure: costs by their ratio, since half is as good at 20 ms as at 2; scores as far as they matter.

    What scores far below the front and the entrants, as many candidates of a wide space do, would squeeze them.
    """
    if name != "score":
        return {"title_text": TITLES[name], "type": "log", "tickvals": TICKS}
    scored = {trial.number: trial.score for trial in standing.trials if trial.score is not None}
    entrants = {trial.number for trial in standing.trials if trial.entrant}
    scores, wanted = (
        [*scored.values()],
        [scored[number] for number in scored if number in entrants | {*standing.front}],
    )
    if not wanted:
        return {"title_text": TITLES[name]}
    margin = max(max(scores) - min(wanted), LEAST_MARGIN)
    low, high = min(wanted) - margin, max(scores) + margin / 5
    n_below = sum(score < low for score in scores)
    if not n_below:
        return {"title_text": TITLES[name]}
    return {"title_text": f"{TITLES[name]}; {n_below} trials are below", "range": (low, high)}


def _in_view(name: str, study: StudyRecord, standing: Standing) -> bool:
    """Whether a budget's line can be drawn without squeezing the trials into a corner."""
    values = [trial.figures[name] for trial in standing.trials if name in trial.figures]
    if name not in study.budgets.limits or not values:
        return False
    low, high, limit = min(values), max(values), study.budgets.limits[name]
    return min(high, limit) - max(low, limit) >= -0.5 * (high - low)


def _points(
    trials: Sequence[TrialRecord], x: str, y: str, name: str, marker: Mapping[str, object], *, legend: bool
) -> go.Scatter:
    texts = [f"#{t.number} {t.label}<br>" + "<br>".join(_figure_lines(t)) for t in trials]
    return go.Scatter(
        x=[t.figures[x] for t in trials],
        y=[t.figures[y] for t in trials],
        mode="markers",
        name=name,
        legendgroup=name,
        showlegend=legend,
        marker=marker,
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )


def _figure_lines(trial: TrialRecord) -> list[str]:
    return [f"{TITLES[name]}: {value:.4g}" for name, value in trial.figures.items() if name in TITLES]
