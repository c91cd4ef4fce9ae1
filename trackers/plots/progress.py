"""How a study gets better: the hypervolume of its front against time."""

from __future__ import annotations

import plotly.graph_objects as go

from results.choosing import Standing
from results.hypervolume import hypervolume_over_time
from results.records import StudyRecord
from trackers.plots.style import BLUE, LAYOUT


def hypervolume_figure(study: StudyRecord, standing: Standing) -> go.Figure:
    """The hypervolume after each trial; a trial that is still worth its time makes a step."""
    story = hypervolume_over_time(standing.trials, study.objectives)
    minutes, volumes = [seconds / 60 for seconds, _ in story], [volume for _, volume in story]
    figure = go.Figure(go.Scatter(x=minutes, y=volumes, mode="lines", line={"color": BLUE, "shape": "hv"}))
    figure.update_xaxes(title_text="minutes of trials, without the warm-up")
    figure.update_yaxes(title_text="hypervolume")
    return figure.update_layout(
        title="Hypervolume against time, within the full-size model's costs", height=380, **LAYOUT
    )
