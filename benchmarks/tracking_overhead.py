"""What Optuna and MLflow together add to a trial: `python benchmarks/tracking_overhead.py`.

Runs a study of 1,000 trials that do nothing but report 20 metrics, through the very loop of `bertailor search`:
Optuna proposes and stores, MLflow logs, the front is kept up to date. Nothing is trained or measured, so that all of a
trial's time is overhead. The aims: a median under 100 ms over the first 200 trials, and no growth between trial 50 and
trial 1,000.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import tempfile
import time
from pathlib import Path

from results.attempts import Attempt
from results.budgets import Budgets
from results.choosing import Standing
from results.costs import Costs
from results.records import StudyRecord, TrialRecord
from search.config import StudyConfig
from search.engines.local import InlineEngine
from search.models.backbones import SCRATCH
from search.runtime.machine import machine
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.study.job import Job, Tell
from search.study.searching import search
from spaces import Space
from spaces.baselines import entrants_of
from trackers.mlflow.tracker import MlflowTracker

WINDOW = 50


def main() -> None:
    """Run the study, and print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--sampler", default="tpe")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        overheads = overhead_ms(Path(folder), arguments.trials, arguments.sampler)
    print(f"{machine()}, sampler {arguments.sampler}, {len(overheads)} trials")
    print(f"median of the first 200 trials: {statistics.median(overheads[:200]):.1f} ms (aim: under 100 ms)")
    early, late = statistics.median(overheads[WINDOW : 2 * WINDOW]), statistics.median(overheads[-WINDOW:])
    print(
        f"trials {WINDOW} to {2 * WINDOW}: {early:.1f} ms; the last {WINDOW}: {late:.1f} ms;"
        f" ratio {late / early:.2f} (aim: 1)"
    )


def overhead_ms(folder: Path, n_trials: int, sampler: str) -> list[float]:
    """The time that each trial takes, in ms."""
    raw = {"name": "overhead", "task": "home-intents", "sampler": sampler, "trials": n_trials}
    config = StudyConfig.model_validate({**raw, "budgets": {"latency_ms": 8}})
    store, tracker = StudyStore(folder, config.name), MlflowTracker(folder)
    store.folder.mkdir(parents=True)
    store.save_config(config, {})
    study = store.optuna_study(config)
    tracker.begin(_study_record(config), Standing())
    rng, began = random.Random(0), [time.perf_counter()]

    def run(job: Job, tell: Tell) -> TrialRecord:
        began.append(time.perf_counter())
        return _pretended(job, rng)

    space = Space.load("default", SCRATCH)
    search(Ledger(study, config, tracker), space, entrants_of(space), InlineEngine(run, lambda told: None), math.inf)
    return [(end - start) * 1e3 for start, end in zip(began[1:], [*began[2:], time.perf_counter()], strict=True)]


def _pretended(job: Job, rng: random.Random) -> TrialRecord:
    """Figures that trade off as real ones do, with a tenth over budget, and as many as a device tells."""
    channels = sum(job.candidate.architecture.ffn_sizes)
    latency = channels / 500 * rng.uniform(0.9, 1.2)
    costs = Costs(
        latency_ms=latency,
        latency_p95_ms=1.1 * latency,
        latency_p99_ms=1.2 * latency,
        latency_low_ms=0.99 * latency,
        latency_high_ms=1.01 * latency,
        undivided_ms=latency,
        drift=1.0,
        throughput_per_s=1e3 / latency,
        steady=True,
        load_ms=50.0,
        memory_mb=channels / 50 + 80,
        pss_mb=channels / 60 + 70,
        uss_mb=channels / 60 + 60,
        runtime_mb=60.0,
        size_mb=channels / 100 + 10,
        energy_mj=5 * latency,
        energy_estimated=True,
        machine="nowhere",
    )
    score = None if latency > 8 else 0.9 - 100 / (channels + 500) * rng.uniform(0.9, 1.1)
    attempt = Attempt(number=job.number, candidate=job.candidate, costs=costs, score=score)
    return attempt.record(Budgets(latency_ms=8))


def _study_record(config: StudyConfig) -> StudyRecord:
    return StudyRecord(
        name=config.name,
        task="nothing",
        device="nowhere",
        n_trials=config.trials,
        objectives=config.objectives,
        budgets=config.budgets,
        settings={},
        config_yaml=config.to_yaml(),
    )


if __name__ == "__main__":
    main()
