"""How steady the measured latencies are on a noisy machine: `python benchmarks/steadiness.py` (see --help).

While another process loads one core half of the time: the coefficient of variation of one artefact's latency over
fresh runs (aim: at most 3%), beside that of the same runs without dividing by the yardstick; how well the order of 15
candidates agrees with that of ten times as long a measurement (Kendall's tau, aim: at least 0.95); and how long the
measurement of an artefact of about 5 ms takes (aim: at most 3 s).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
from scipy.stats import kendalltau

from search.config import StudyConfig
from search.runtime.machine import machine
from search.study.setting_up import set_up
from search.study.workbench import Workbench
from spaces import Architecture, Candidate, Compression

N_CANDIDATES, LONGER = 15, 10
THREE_LAYERS = Architecture.uniform((0, 2, 5), heads=8, ffn_size=768, hidden_size=384)
INT8 = Compression(quantisation="dynamic-int8")
# Loads a core half of the time, in turns of a tenth of a second.
LOAD = """
import time
while True:
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
    time.sleep(0.1)
"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="Fresh runs of one artefact.")
    parser.add_argument("--quiet", action="store_true", help="Without the other process.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = set_up(StudyConfig(name="steadiness", task="home-intents"), folder / "store")
        build(bench, bench.entrants.full_fp32.model_copy(update={"training": None}), folder / "full")
        build(bench, Candidate(architecture=THREE_LAYERS, compression=INT8), folder / "usual")
        candidates = [folder / f"{index}" for index in range(N_CANDIDATES)]
        for index, candidate in enumerate(candidates):
            build(bench, sampled(bench, index), candidate)
        for artifact in ("usual", "full"):
            bench.device.measure(folder / artifact, bench.meter.texts)  # what the yardsticks usually take is known now
        beside = "nothing else runs" if arguments.quiet else "another process loads one core half of the time"
        print(f"{machine()}, {beside}", flush=True)
        with loaded(quiet=arguments.quiet):
            for title, artifact in (("3 layers, int8", folder / "usual"), ("6 layers, fp32", folder / "full")):
                report_variation(title, bench, artifact, arguments.runs)
            report_order(bench, candidates)


def report_variation(title: str, bench: Workbench, artifact: Path, n: int) -> None:
    """Print how much fresh runs of one artefact differ, and how long they take."""
    costs, seconds = [], []
    for _ in range(n):
        started = time.perf_counter()
        costs.append(bench.device.measure(artifact, bench.meter.texts))
        seconds.append(time.perf_counter() - started)
    reported = np.array([cost.latency_ms for cost in costs])
    raw = np.array([cost.undivided_ms for cost in costs])
    print(
        f"{title}, {n} fresh runs: {reported.mean():.2f} ms, coefficient of variation {variation(reported):.1%}"
        f" (without the yardstick {variation(raw):.1%}); a measurement takes {np.median(seconds):.1f} s, at most"
        f" {max(seconds):.1f} s",
        flush=True,
    )


def report_order(bench: Workbench, candidates: list[Path]) -> None:
    """Print how well one measurement orders candidates, which chance decides too: the mean over all that were made."""
    rounds = np.array(
        [
            [bench.device.measure(candidate, bench.meter.texts).latency_ms for candidate in candidates]
            for _ in range(1 + LONGER)
        ]
    )
    taus = [
        kendalltau(once, np.median(np.delete(rounds, index, axis=0), axis=0)).statistic
        for index, once in enumerate(rounds)
    ]
    print(
        f"order of {len(candidates)} candidates against {LONGER} times as long: Kendall's tau {np.mean(taus):.3f}"
        f" ({min(taus):.3f} to {max(taus):.3f} over {len(taus)} measurements)",
        flush=True,
    )


def variation(values: np.ndarray) -> float:
    """The coefficient of variation."""
    return float(values.std(ddof=1) / values.mean())


def sampled(bench: Workbench, seed: int) -> Candidate:
    """A candidate of the space, at random."""
    return bench.space.sample(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask())


def build(bench: Workbench, candidate: Candidate, folder: Path) -> None:
    """Write a candidate's artefact; what its weights are makes no difference to its time."""
    bench.maker.build(bench.maker.cut(candidate, bench.pretrained), candidate, folder)


@contextmanager
def loaded(*, quiet: bool) -> Iterator[None]:
    """With another process beside."""
    if quiet:
        yield
        return
    other = subprocess.Popen([sys.executable, "-c", LOAD])
    try:
        yield
    finally:
        other.kill()


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main()
