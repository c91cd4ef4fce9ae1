"""The winner against the full-size model as int8: `python benchmarks/winner.py` (see --help).

Runs the default strategy on movie-snippets and on the 7 intents of Snips. Of the candidates that score within 1.0
point of the full-size model on the *validation* split, the one with the best product of speed and smallness is the
winner. Prints how much faster and smaller it is than the full-size int8 model, and how far its score is off on the test
split, with a 95% interval. The aims: twice as fast, 2.5 times smaller, within a point.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from results.choosing import eligible, full_int8
from results.records import TrialRecord
from search.cli.console import console
from search.config import StudyConfig
from search.runtime.machine import machine
from search.sampling.store import StudyStore
from search.study.reporting import compare
from search.study.running import remake, run_study
from search.study.setting_up import set_up
from trackers.console import ConsoleTracker
from trackers.description import in_words

SNIPS = Path(__file__).resolve().parents[2] / "shared" / "data" / "snips"
POINT = 0.01


def main() -> None:
    """Search on both tasks, and print the winners."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["movie-snippets", "snips"])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--per-intent", type=int, default=600, help="Snips sentences of each intent to train on.")
    parser.add_argument("--time", help="Of each study: 20m, 1h; without it, until it is done.")
    parser.add_argument("--store", type=Path, default=Path("build/winner"), help="Where the studies are kept.")
    parser.add_argument("--snips", type=Path, default=SNIPS, help="The folder with the files of Snips.")
    arguments = parser.parse_args()
    for name in arguments.tasks:
        source: Any = name
        if name == "snips":
            source = snips_task(arguments.snips, arguments.store, arguments.per_intent)
        raw = {"name": f"winner-{name}", "task": source, "trials": arguments.trials, "time": arguments.time}
        report(StudyConfig.model_validate(raw), arguments.store)


def report(config: StudyConfig, store: Path) -> None:
    """Run the study, and compare its winner."""
    screen = ConsoleTracker(console)
    run_study(config, store, screen)
    study, bench = StudyStore(store, config.name), set_up(config, store)
    records = study.records()
    full = full_int8(records, bench.entrants)
    assert full is not None
    winner = best_within_a_point(records, full)
    for record in (winner, full):
        if not study.trial_folder(record.number).is_dir():
            remake(record, study, store)
    answers = [
        (record, bench.examiner.answers_to_the_test(study.trial_folder(record.number))) for record in (winner, full)
    ]
    comparison = compare(answers[0], answers[1], bench.task)
    print(f"\n{bench.task.name}, {len(bench.task.train)} training texts, on {machine()}")
    for record in (full, winner):
        costs = f"p50 {record.figures['latency_ms']:.2f} ms, {record.figures['size_mb']:.1f} MB"
        print(f"  {record.label}: validation {record.score:.4f}, {costs}")
    print(f"  {in_words(comparison)}")
    print("  aims: 2 times as fast, 2.5 times smaller, at most a point lost\n", flush=True)


def best_within_a_point(records: list[TrialRecord], full: TrialRecord) -> TrialRecord:
    """The fastest and smallest of those that lose at most a point on the validation split."""
    close = [record for record in eligible(records) if (record.score or 0) >= (full.score or 0) - POINT]
    return min(close, key=lambda record: record.figures["latency_ms"] * record.figures["size_mb"])


def snips_task(folder: Path, store: Path, per_intent: int) -> dict[str, str]:
    """Snips as two tables: the first sentences of each intent to train on, and its validation files as the test."""
    parts = {"train": ("train_{}_full.json", per_intent), "test": ("validate_{}.json", None)}
    intents = sorted(path.stem.removeprefix("validate_") for path in folder.glob("validate_*.json"))
    store.mkdir(parents=True, exist_ok=True)
    for part, (pattern, n) in parts.items():
        rows = []
        for intent in intents:
            # Some of the files have bytes that are no UTF-8.
            raw = (folder / pattern.format(intent)).read_text(encoding="utf-8", errors="replace")
            for example in json.loads(raw)[intent][:n]:
                rows.append(("".join(piece["text"] for piece in example["data"]).strip(), intent))
        pd.DataFrame(rows, columns=["text", "label"]).to_csv(store / f"snips-{part}.csv", index=False)
    return {"path": str(store / "snips-train.csv"), "test": str(store / "snips-test.csv")}


if __name__ == "__main__":
    main()
