"""A picture of the recommended candidate, layer by layer, beside what it was cut from."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from results.choosing import Standing
from results.records import TrialRecord
from spaces import Architecture
from trackers.plots.style import BLUE, GREEN, LAYOUT, PALE


def architecture_figure(chosen: TrialRecord, standing: Standing) -> go.Figure:
    """The heads and FFN channels of each layer, over those of the largest candidate that was tried."""
    architecture = chosen.candidate.architecture
    depth = 1 + max(max(trial.candidate.architecture.layers) for trial in standing.trials)
    rows = [f"layer {index + 1}" for index in range(depth)]
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, subplot_titles=("attention heads", "FFN channels"))
    for column, (sizes_of, colour) in enumerate(((_heads, BLUE), (_ffn_sizes, GREEN)), start=1):
        kept = dict(zip(architecture.layers, sizes_of(architecture), strict=True))
        own = [kept.get(index, 0) for index in range(depth)]
        full = max(size for trial in standing.trials for size in sizes_of(trial.candidate.architecture))
        rest = [full - size for size in own]
        texts = [str(size) if size else "removed" for size in own]
        place = {"row": 1, "col": column}
        figure.add_trace(go.Bar(orientation="h", y=rows, x=own, text=texts, marker_color=colour), **place)
        figure.add_trace(go.Bar(orientation="h", y=rows, x=rest, marker_color=PALE, hoverinfo="skip"), **place)
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(
        title=f"#{chosen.number} {chosen.label}<br>{_beside(chosen)}",
        barmode="stack",
        showlegend=False,
        height=180 + 45 * depth,
        **LAYOUT,
    )


def _heads(architecture: Architecture) -> tuple[int, ...]:
    return architecture.heads


def _ffn_sizes(architecture: Architecture) -> tuple[int, ...]:
    return architecture.ffn_sizes


def _beside(trial: TrialRecord) -> str:
    """What layers don't show, in words."""
    compression = trial.candidate.compression
    told = {
        "{} word pieces": compression.vocabulary,
        "embeddings of {} channels": compression.embedding_rank,
        "dense layers of rank {}": compression.dense_rank,
        "texts cut after {} word pieces": compression.max_tokens,
    }
    words = [f"{trial.candidate.architecture.hidden_size} wide", f"quantisation {compression.quantisation}"]
    return ", ".join([*words, *(form.format(size) for form, size in told.items() if size is not None)])
