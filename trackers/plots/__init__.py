"""The plots of a study, all as Plotly figures, which ``png`` draws without a browser."""

from __future__ import annotations

import plotly.graph_objects as go

from results.choosing import Standing
from results.records import StudyRecord
from trackers.plots.architecture import architecture_figure
from trackers.plots.choices import FEWEST_TRIALS, importances_figure, parallel_figure
from trackers.plots.front import front_figure
from trackers.plots.progress import hypervolume_figure


def plots(study: StudyRecord, standing: Standing) -> dict[str, go.Figure]:
    """All plots that there are trials enough for, by name."""
    drawn = {"front": front_figure(study, standing)}
    if standing.chosen is not None:
        drawn["architecture"] = architecture_figure(standing.chosen, standing)
        drawn["hypervolume"] = hypervolume_figure(study, standing)
        drawn["choices"] = parallel_figure(study, standing)
    if standing.n_tried >= FEWEST_TRIALS:
        drawn["importances"] = importances_figure(study, standing)
    # Where all trials are alike, nothing decides.
    return {name: figure for name, figure in drawn.items() if figure.data}
