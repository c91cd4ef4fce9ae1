"""Plotly figures as PNG by matplotlib: Plotly itself would need a browser, which would disturb what is timed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

DOTS_PER_INCH = 110
# A Plotly figure is so many pixels wide; its height tells itself.
WIDTH = 950
MARKERS = {"circle": "o", "x": "x", "diamond-open": "D"}
CLEAR = "rgba(0,0,0,0)"


def png(figure: go.Figure) -> bytes:
    """Draw a figure of this package: points, lines, bars and parallel coordinates, one or more panels."""
    drawn = Figure(figsize=(WIDTH / DOTS_PER_INCH, figure.layout.height / DOTS_PER_INCH), layout="constrained")
    if isinstance(figure.data[0], go.Parcoords):
        _parallel(drawn.subplots(), figure.data[0])
    else:
        panels = _panels(drawn, figure)
        for panel, axes in panels.items():
            traces = [trace for trace in figure.data if (trace.xaxis or "x", trace.yaxis or "y") == panel]
            _bars(axes, [trace for trace in traces if isinstance(trace, go.Bar)], figure.layout.barmode)
            for trace in traces:
                if isinstance(trace, go.Scatter):
                    _scatter(axes, trace)
        for shape in figure.layout.shapes:
            _line(panels, shape)
        handles, labels = next(iter(panels.values())).get_legend_handles_labels()
        if figure.layout.showlegend is not False and len(labels) > 1:
            drawn.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    drawn.suptitle(figure.layout.title.text.replace("<br>", "\n"), fontsize=10)
    stream = io.BytesIO()
    drawn.savefig(stream, format="png", dpi=DOTS_PER_INCH)
    return stream.getvalue()


def _panels(drawn: Figure, figure: go.Figure) -> dict[tuple[str, str], Axes]:
    """An empty panel for each pair of axes, where Plotly has it."""
    pairs = list(dict.fromkeys((trace.xaxis or "x", trace.yaxis or "y") for trace in figure.data))
    columns = min(len(pairs), 2)
    grid = np.ravel(drawn.subplots(-(-len(pairs) // columns), columns))
    for left_over in grid[len(pairs) :]:
        left_over.remove()
    panels = dict(zip(pairs, grid, strict=False))
    titles = [note.text for note in figure.layout.annotations]
    for index, ((x, y), axes) in enumerate(panels.items()):
        across, upward = (figure.layout[name.replace(name[0], f"{name[0]}axis", 1)] for name in (x, y))
        axes.set_xlabel(across.title.text or "")
        axes.set_ylabel(upward.title.text or "")
        axes.set_xscale(across.type if across.type == "log" else "linear")
        axes.set_yscale(upward.type if upward.type == "log" else "linear")
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                axis.set_major_formatter("{x:g}")
                axis.set_minor_locator(NullLocator())
        if upward.range is not None:
            axes.set_ylim(upward.range)
        if upward.autorange == "reversed":
            axes.invert_yaxis()
        if len(titles) == len(pairs):
            axes.set_title(titles[index], fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, which="both")
    return panels


def _scatter(axes: Axes, trace: Any) -> None:
    if trace.mode == "lines":
        axes.step(trace.x, trace.y, where="post", color=trace.line.color)
        return
    marker, colour = MARKERS[trace.marker.symbol], trace.marker.color
    style: dict[str, Any] = {"s": (trace.marker.size * 0.75) ** 2, "label": trace.name, "marker": marker}
    if colour == CLEAR or marker == "D":
        style |= {"facecolors": "none", "edgecolors": "black"}
    else:
        style["c"] = colour
    axes.scatter(trace.x, trace.y, **style)


def _bars(axes: Axes, traces: list[Any], mode: str | None) -> None:
    if not traces:
        return
    rows = np.arange(len(traces[0].y))
    height = 0.8 if mode == "stack" else 0.8 / len(traces)
    left = np.zeros(len(rows))
    for index, trace in enumerate(traces):
        widths = np.asarray(trace.x, dtype=float)
        places = rows if mode == "stack" else rows + (index - (len(traces) - 1) / 2) * height
        bars = axes.barh(places, widths, height, left=left, color=trace.marker.color, label=trace.name)
        if trace.text is not None:
            axes.bar_label(bars, trace.text, padding=3, fontsize=8)
        if mode == "stack":
            left = left + widths
    axes.set_yticks(rows, traces[0].y)


def _line(panels: dict[tuple[str, str], Axes], shape: Any) -> None:
    """A line across a whole panel; its own axis is the one that is no domain."""
    style = {"color": shape.line.color, "linestyle": "--", "linewidth": shape.line.width}
    for (x, y), axes in panels.items():
        if shape.xref == x:
            axes.axvline(shape.x0, **style)
        elif shape.yref == y:
            axes.axhline(shape.y0, **style)


def _parallel(axes: Axes, trace: Any) -> None:
    ranges = [(min(d.values), max(d.values)) for d in trace.dimensions]
    scaled = np.array(
        [
            (np.asarray(d.values, dtype=float) - low) / ((high - low) or 1)
            for d, (low, high) in zip(trace.dimensions, ranges, strict=True)
        ]
    )
    marked = np.asarray(trace.line.color, dtype=float)
    for index in np.argsort(marked, kind="stable"):
        colour = trace.line.colorscale[int(marked[index])][1]
        axes.plot(scaled[:, index], color=colour, linewidth=0.8 + marked[index])
    for place, (dimension, (low, high)) in enumerate(zip(trace.dimensions, ranges, strict=True)):
        ticks = dimension.tickvals if dimension.tickvals is not None else (low, high)
        texts = dimension.ticktext if dimension.ticktext is not None else [f"{tick:.4g}" for tick in ticks]
        axes.axvline(place, color="black", linewidth=0.5)
        for tick, text in zip(ticks, texts, strict=True):
            axes.text(place + 0.05, (tick - low) / ((high - low) or 1), text, fontsize=7, va="center")
    names = [dimension.label for dimension in trace.dimensions]
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
