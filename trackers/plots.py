"""The front as an interactive page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from trackers.records import Outcome, Standing, StudyRecord, TrialRecord

# Outcome -> colour and symbol; colours from Okabe and Ito's palette, which the colour-blind can tell apart.
STYLES: dict[Outcome, tuple[str, str]] = {
    "dominated": ("#999999", "circle"),
    "over-budget": ("#D55E00", "x"),
    "front": ("#0072B2", "circle"),
}
AXIS_TITLES = {
    "score": "score (validation)",
    "latency_ms": "latency, p50 (ms)",
    "memory_mb": "peak memory (MB)",
    "size_mb": "size on disk (MB)",
    "energy_mj": "energy of an inference (mJ)",
}


def front_figure(study: StudyRecord, standing: Standing) -> go.Figure:
    """A panel for each pair of objectives: the front, what it dominates, what broke a budget, the budgets."""
    # The score upwards and first: what a person looks for is what score a cost buys.
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
        chosen = [trial for trial in standing.members if trial.number == standing.recommended]
        ring = {"color": "rgba(0,0,0,0)", "size": 19, "line": {"color": "#000000", "width": 2}}
        figure.add_trace(_points(chosen, x, y, "recommended", ring, legend=index == 0), **place)
        known = [trial for trial in standing.trials if trial.baseline and {x, y} <= trial.figures.keys()]
        diamond = {"color": "#000000", "symbol": "diamond-open", "size": 13}
        figure.add_trace(_points(known, x, y, "baseline", diamond, legend=index == 0), **place)
        dashed = {"line_dash": "dash", "line_color": "#D55E00", "line_width": 1}
        if _in_view(x, study, standing):
            figure.add_vline(study.budgets[x], **dashed, **place)
        if _in_view(y, study, standing):
            figure.add_hline(study.budgets[y], **dashed, **place)
        figure.update_xaxes(title_text=AXIS_TITLES[x], **place)
        figure.update_yaxes(title_text=AXIS_TITLES[y], **place)
    figure.update_layout(
        title=f"{study.name}: {study.task} on {study.device}",
        template="plotly_white",
        height=380 * rows + 60,
        margin={"t": 90, "r": 20},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def front_page(study: StudyRecord, standing: Standing) -> str:
    """The figure as one HTML page that needs no network."""
    page: str = front_figure(study, standing).to_html(include_plotlyjs=True, full_html=True)
    return page


def _in_view(name: str, study: StudyRecord, standing: Standing) -> bool:
    """Whether a budget's line can be drawn without squeezing the trials into a corner."""
    values = [trial.figures[name] for trial in standing.trials if name in trial.figures]
    if name not in study.budgets or not values:
        return False
    low, high, limit = min(values), max(values), study.budgets[name]
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
    return [f"{AXIS_TITLES[name]}: {value:.4g}" for name, value in trial.figures.items() if name in AXIS_TITLES]
