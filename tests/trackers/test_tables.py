from __future__ import annotations

import csv
import io
import json

from rich.console import Console

from results.choosing import Standing
from results.records import TrialRecord
from tests.results.test_records import a_trial, changed, over_budget
from trackers.tables import front_csv, front_rows, trials_markdown, trials_table

STANDING = Standing(
    trials=(a_trial(0, score=0.9, latency_ms=7.0), over_budget(1), a_trial(2, score=0.7, latency_ms=2.0)),
    front=(0, 2),
    recommended=2,
)


def printed(trials: list[TrialRecord], recommended: int | None, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(trials_table(trials, recommended, "Front of study"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_however_long_a_label_the_figures_and_numbers_are_whole() -> None:
    compression = {
        "embedding_rank": 144,
        "vocabulary": 15261,
        "max_tokens": 12,
        "quantisation": "static-int8",
        "per_channel": True,
        "unquantised": "ffn-outputs",
    }
    candidate = changed(a_trial(0).candidate, compression=compression)
    table = printed([a_trial(17, candidate=candidate, score=0.9219, latency_ms=10.27)], None, width=80)
    for whole in ("17", "0.9219", "10.27", "static-int8"):
        assert whole in table


def test_the_rows_are_the_front_in_its_order_with_the_figures() -> None:
    first, second = front_rows(STANDING)
    assert (first["trial"], second["trial"]) == (0, 2)
    assert (first["recommended"], second["recommended"]) == (False, True)
    assert second["candidate"] == a_trial(2).label
    assert {name: second[name] for name in ("score", "latency_ms", "latency_p95_ms", "memory_mb", "size_mb")} == {
        "score": 0.7,
        "latency_ms": 2.0,
        "latency_p95_ms": 3.0,
        "memory_mb": 300.0,
        "size_mb": 20.0,
    }


def test_the_rows_are_json() -> None:
    assert json.loads(json.dumps(front_rows(STANDING))) == front_rows(STANDING)


def test_the_csv_reads_back_as_the_rows() -> None:
    rows = list(csv.DictReader(io.StringIO(front_csv(STANDING))))
    assert [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in front_rows(STANDING)
    ] == rows


def test_the_csv_of_an_empty_front_is_its_header() -> None:
    lines = front_csv(Standing()).splitlines()
    assert lines == [
        "trial,candidate,score,latency_ms,latency_p95_ms,memory_mb,size_mb,energy_mj,predicted,recommended"
    ]


def test_the_console_table_points_at_the_recommended_trial() -> None:
    lines = printed(STANDING.members, STANDING.recommended).splitlines()
    (chosen,) = [line for line in lines if "→" in line]
    assert "→ 2" in chosen
    assert "0.7000" in chosen
    assert "2.00" in chosen
    assert "20.0" in chosen


def test_the_console_table_points_at_nothing_where_nothing_is_recommended() -> None:
    assert "→" not in printed(STANDING.members, None)


def test_a_figure_that_was_not_measured_is_an_empty_cell() -> None:
    (line,) = [line for line in trials_markdown([over_budget(1)], None).splitlines() if "#1" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["#1", over_budget(1).label, "", "9.00", "10.00", "300", "20.0"]


def test_every_line_of_the_markdown_table_has_the_same_columns() -> None:
    lines = trials_markdown(STANDING.members, STANDING.recommended).splitlines()
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {8}


def test_the_markdown_table_links_trials_and_stresses_the_recommended_one() -> None:
    first, second = trials_markdown(STANDING.members, 2, lambda trial: f"runs/{trial.number}").splitlines()[2:]
    assert "[#0](runs/0)" in first
    assert "**" not in first
    assert "**[#2](runs/2)**" in second
    assert "**0.7000**" in second
