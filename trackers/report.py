"""The report of a study: one HTML file with its story, its plots and all of its trials, which can be mailed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import plotly.graph_objects as go
from markdown_it import MarkdownIt

from results.choosing import Ending, Standing
from results.records import StudyRecord, TrialRecord
from trackers.description import describe
from trackers.tables import COLUMNS

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse; margin: 1em 0; font-size: 13px }}
th, td {{ border-bottom: 1px solid #ddd; padding: .25em .6em; text-align: left; vertical-align: top }}
td.figure {{ text-align: right; font-variant-numeric: tabular-nums }}
tr.front {{ background: #e8f2f9 }}
code, pre {{ background: #f4f4f4; padding: .1em .3em }}
pre {{ padding: 1em; overflow-x: auto }}
</style>
</head>
<body>
{story}
{plots}
<h3>All trials</h3>
{trials}
<h3>Study file</h3>
<pre>{config}</pre>
</body>
</html>
"""


def report_page(
    study: StudyRecord, standing: Standing, figures: Mapping[str, go.Figure], ending: Ending | None = None
) -> str:
    """The report as HTML that needs no network.

    Args:
        study: The study.
        standing: Where it stands.
        figures: Its plots.
        ending: How it ended, if it has.
    """
    story = MarkdownIt("commonmark", {"html": False}).enable("table").render(describe(study, standing, ending=ending))
    drawn = [
        # The first brings Plotly along for all.
        figure.to_html(full_html=False, include_plotlyjs=index == 0, div_id=name, config={"displaylogo": False})
        for index, (name, figure) in enumerate(figures.items())
    ]
    return PAGE.format(
        title=escape(f"{study.name}: {study.task} on {study.device}"),
        story=story,
        plots="\n".join(drawn),
        trials=_trials(standing),
        config=escape(study.config_yaml),
    )


def _trials(standing: Standing) -> str:
    """A row for each trial; those of the front are marked."""
    titles = ["trial", "candidate", "outcome", *(title for title, _, _ in COLUMNS), "seconds", "why"]
    heading = "".join(f"<th>{title}</th>" for title in titles)
    rows = "\n".join(_row(trial, standing) for trial in standing.trials)
    return f"<table>\n<tr>{heading}</tr>\n{rows}\n</table>"


def _row(trial: TrialRecord, standing: Standing) -> str:
    outcome = standing.outcome(trial)
    words = [f"#{trial.number}", trial.label, f"{outcome}, entrant" if trial.entrant else outcome]
    figures = trial.figures
    known = [format(figures[name], form) if name in figures else "" for _, name, form in COLUMNS]
    cells = [f"<td>{escape(word)}</td>" for word in words]
    cells += [f'<td class="figure">{value}</td>' for value in [*known, f"{trial.seconds:.1f}"]]
    return f'<tr class="{outcome}">{"".join(cells)}<td>{escape(trial.reason)}</td></tr>'
