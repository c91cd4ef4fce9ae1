"""The front as a table: for the console, for Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from results.choosing import Ending, Standing
from results.records import TrialRecord

# What matters comes first; each column has its title, figure and format.
COLUMNS = (
    ("score", "score", ".4f"),
    ("p50 ms", "latency_ms", ".2f"),
    ("p95 ms", "latency_p95_ms", ".2f"),
    ("memory MB", "memory_mb", ".0f"),
    ("size MB", "size_mb", ".1f"),
    ("energy mJ", "energy_mj", ".2f"),
)


def front_rows(standing: Standing) -> list[dict[str, Any]]:
    """The front's members with their figures, as JSON takes them."""
    return [
        {
            "trial": trial.number,
            "candidate": trial.label,
            **{figure: trial.figures.get(figure) for _, figure, _ in COLUMNS},
            "predicted": trial.predicted,
            "recommended": trial.number == standing.recommended,
        }
        for trial in standing.members
    ]


def ending_row(ending: Ending) -> dict[str, Any]:
    """What was found out at the end, as JSON takes it."""
    comparison = None if ending.comparison is None else asdict(ending.comparison)
    return {"test_score": ending.test_score, "comparison": comparison}


def front_csv(standing: Standing) -> str:
    """The front as CSV, with a header even where the front is empty."""
    text = io.StringIO()
    columns = ["trial", "candidate", *(figure for _, figure, _ in COLUMNS), "predicted", "recommended"]
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(front_rows(standing))
    return text.getvalue()


def trials_table(trials: Sequence[TrialRecord], recommended: int | None, title: str) -> Table:
    """A table of trials for the console, an arrow at the recommended one."""
    predicted = any(trial.predicted for trial in trials)
    table = Table(title=f"{title}, with predicted costs" if predicted else title, title_justify="left")
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("candidate")  # which makes room for the figures
    columns = _known(trials)
    for column, _, _ in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for trial in trials:
        chosen = trial.number == recommended
        number = f"→ {trial.number}" if chosen else str(trial.number)
        table.add_row(number, trial.label, *_cells(trial, columns), style="bold" if chosen else None)
    return table


def trials_markdown(
    trials: Sequence[TrialRecord], recommended: int | None, link: Callable[[TrialRecord], str] | None = None
) -> str:
    """The same table in Markdown; ``link`` gives a trial's address."""
    columns = _known(trials)
    titles = ["trial", "candidate", *(column for column, _, _ in columns)]
    lines = [f"| {' | '.join(titles)} |", f"| {' | '.join('---' for _ in titles)} |"]
    for trial in trials:
        number = f"[#{trial.number}]({link(trial)})" if link else f"#{trial.number}"
        cells = [number, trial.label, *_cells(trial, columns)]
        emphasised = [f"**{cell}**" for cell in cells] if trial.number == recommended else cells
        lines.append(f"| {' | '.join(emphasised)} |")
    return "\n".join(lines)


def _known(trials: Sequence[TrialRecord]) -> list[tuple[str, str, str]]:
    """The columns without energy, unless a trial has it."""
    return [column for column in COLUMNS if column[1] != "energy_mj" or any("energy_mj" in t.figures for t in trials)]


def _cells(trial: TrialRecord, columns: Sequence[tuple[str, str, str]]) -> list[str]:
    figures = trial.figures
    marks = {"energy_mj": " est." if figures.get("energy_estimated") else ""}
    return [
        format(figures[figure], form) + marks.get(figure, "") if figure in figures else ""
        for _, figure, form in columns
    ]
