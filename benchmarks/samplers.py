"""Which sampler finds the front soonest: `python benchmarks/samplers.py`.

Runs every sampler, with the same seeds, through the very loop of `bertailor search` on a recorded table: the measured
score and costs of every point of a small space, cut from one super-network. Prints the mean hypervolume after 20 and
40 trials as a share of that of the whole table, and the seconds that proposing takes. The default sampler is the best
of them.

`--record` scores every point of the table's space again, which takes minutes.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import optuna

from results.costs import Costs
from results.hypervolume import hypervolume
from results.records import TrialRecord
from search.config import Sampler, StudyConfig, load_config
from search.engines.local import InlineEngine
from search.sampling.ledger import Ledger
from search.sampling.store import MAXIMIZE, MINIMIZE, StudyStore
from search.study.job import Job, Tell
from search.study.searching import search
from search.study.setting_up import set_up
from search.study.supernet import Supernet
from search.study.worker import Worker
from spaces import Candidate, Shape, Space
from spaces.baselines import entrants_of
from trackers.tracker import Tracker

RECORDED = Path(__file__).parent / "recorded"
TABLE, SPACE = RECORDED / "candidates.csv", RECORDED / "space.yaml"
CHOICES = ("depth", "heads", "ffn_size", "hidden_size", "quantisation")
FIGURES = ("score", "latency_ms", "size_mb")
SHAPE = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
CHECKPOINTS = (20, 40)


def main() -> None:
    """Record, or run the samplers and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--store", type=Path, default=Path("mlruns"), help="Where the super-network is kept.")
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.store)
    table = read_table()
    whole = volume(list(table.values()), table)
    print(f"{len(table)} candidates on home-intents, {arguments.seeds} seeds; hypervolume as a share of the table's")
    for sampler in get_args(Sampler):
        started, shares = time.perf_counter(), []
        for seed in range(arguments.seeds):
            found = run_sampler(sampler, seed, table)
            shares.append([volume(found[:n], table) / whole for n in CHECKPOINTS])
        seconds = (time.perf_counter() - started) / arguments.seeds
        means = ", ".join(
            f"{statistics.mean(column):.4f} +- {statistics.stdev(column):.4f} after {n}"
            for n, column in zip(CHECKPOINTS, zip(*shares, strict=True), strict=True)
        )
        print(f"{sampler:<7} {means} trials; {seconds:.1f} s a study", flush=True)


def run_sampler(sampler: Sampler, seed: int, table: dict[tuple[str, ...], TrialRecord]) -> list[TrialRecord]:
    """The trials of a study on the table."""
    raw = {"name": "samplers", "task": "home-intents", "sampler": sampler, "trials": max(CHECKPOINTS), "seed": seed}
    study = optuna.create_study(directions=[MAXIMIZE, MINIMIZE, MINIMIZE])
    ledger = Ledger(study, StudyConfig.model_validate(raw), Tracker())

    def look_up(job: Job, tell: Tell) -> TrialRecord:
        return dataclasses.replace(table[row_of(job.candidate)], number=job.number)

    engine = InlineEngine(look_up, lambda told: None)
    search(ledger, space(), entrants_of(space()), engine, math.inf)
    return ledger.records


def volume(records: Sequence[TrialRecord], table: dict[tuple[str, ...], TrialRecord]) -> float:
    """The hypervolume up to the worst of the table in each objective."""
    worst = {name: max(record.figures[name] for record in table.values()) for name in FIGURES[1:]}
    return hypervolume([record.figures for record in records], worst)


def record(store: Path) -> None:
    """Score every point of the space as it is cut from the demo's super-network."""
    config = load_config("demo", {})
    bench = set_up(config, store)
    weights = Supernet(config).weights(bench, lambda told: None)
    with TABLE.open("w", newline="") as file, tempfile.TemporaryDirectory() as folder:
        writer = csv.writer(file)
        writer.writerow([*CHOICES, *FIGURES])
        for number, candidate in enumerate(every_candidate(space())):
            job = Job(number=number, candidate=candidate)
            trial = Worker(bench, weights, StudyStore(Path(folder), config.name))(job, lambda told: None)
            row = [*row_of(candidate), *(f"{trial.figures[name]:.6g}" for name in FIGURES)]
            writer.writerow(row)
            print(*row, flush=True)


def every_candidate(whole: Space) -> list[Candidate]:
    """Every point of a space whose layers are alike."""
    sizes = whole.architecture
    choices = [
        sizes.depth.values,
        sizes.heads.values,
        sizes.ffn_size.values,
        sizes.hidden_size.values,
        whole.compression.quantisation.values,
    ]
    points = (dict(zip(CHOICES, point, strict=True)) for point in itertools.product(*choices))
    return [whole.sample(optuna.trial.FixedTrial(point)) for point in points]


def row_of(candidate: Candidate) -> tuple[str, ...]:
    """A candidate's choices as the table writes them."""
    sizes = candidate.architecture
    values = (sizes.depth, sizes.heads[0], sizes.ffn_sizes[0], sizes.hidden_size, candidate.compression.quantisation)
    return tuple(map(str, values))


def read_table() -> dict[tuple[str, ...], TrialRecord]:
    """The recorded candidates by their choices."""
    candidates = {row_of(candidate): candidate for candidate in every_candidate(space())}
    table = {}
    with TABLE.open(newline="") as file:
        for row in csv.DictReader(file):
            key = tuple(row[name] for name in CHOICES)
            table[key] = TrialRecord(
                number=0,
                candidate=candidates[key],
                status="scored",
                score=float(row["score"]),
                costs=timed_alone(float(row["latency_ms"]), float(row["size_mb"])),
            )
    return table


def timed_alone(latency_ms: float, size_mb: float) -> Costs:
    """Costs of which nothing is known but what the table has."""
    unknown = {"latency_p95_ms": math.nan, "latency_low_ms": math.nan, "latency_high_ms": math.nan}
    return Costs(
        latency_ms=latency_ms,
        size_mb=size_mb,
        **unknown,
        steady=True,
        load_ms=math.nan,
        memory_mb=math.nan,
        machine="the machine of the table",
    )


def space() -> Space:
    """The table's space."""
    return Space.load(str(SPACE), SHAPE)


if __name__ == "__main__":
    main()
