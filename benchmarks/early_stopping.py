"""What early stopping saves: `python benchmarks/early_stopping.py`.

Replays recorded trials, one after the other, through the rule of `search/early_stopping.py`: it sees the curves of
the trials before, and the costs and the curve so far of the one in training. Prints the share of the training steps
that it saves, and how many trials of the recorded front it would have stopped; then the same for random orders of the
trials. The aims: a third, and none.

`--record N` trains random candidates to their end until N curves are written down, which takes up to a minute each.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from pathlib import Path

import numpy as np
import optuna

from results.front import non_dominated
from search.config import StudyConfig
from search.runtime.machine import machine
from search.sampling.store import StudyStore
from search.study.early_stopping import Curve, is_hopeless
from search.study.job import Job
from search.study.setting_up import set_up
from search.study.standalone import OwnWeights
from search.study.worker import Worker

TASK = "home-intents"
N_ORDERS = 50
CURVES = Path(__file__).parent / "recorded" / "curves.json"


def main() -> None:
    """Record, or replay and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--record", type=int, metavar="N")
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.record)
    curves = recorded_curves()
    recorded_on = json.loads(CURVES.read_text(encoding="utf-8"))["machine"]
    print(f"{len(curves)} trials on {TASK}, recorded on {recorded_on}; front of {len(on_front(curves))}")
    saved, wrongly = outcome(curves)
    print(
        f"as recorded: saves {saved:.0%} of the training steps (aim: a third), stops {wrongly} of the front (aim: none)"
    )
    rng, shuffled = random.Random(0), []
    for _ in range(N_ORDERS):
        order = curves[:]
        rng.shuffle(order)
        shuffled.append(outcome(order))
    mean = statistics.mean(saved for saved, _ in shuffled)
    print(f"in {N_ORDERS} random orders: saves {mean:.0%} on average, stops {sum(w for _, w in shuffled)} of the front")


def recorded_curves() -> list[Curve]:
    """The recorded trials, in their order."""
    recorded = json.loads(CURVES.read_text(encoding="utf-8"))["curves"]
    return [Curve(tuple(curve["costs"]), tuple(curve["scores"])) for curve in recorded]


def outcome(curves: list[Curve]) -> tuple[float, int]:
    """The share of the training steps that the rule saves, and how many trials of the front it stops."""
    stopped_after = replay(curves)
    saved = sum(len(curves[index].scores) - at for index, at in stopped_after.items())
    return saved / sum(len(curve.scores) for curve in curves), len(on_front(curves) & stopped_after.keys())


def replay(curves: list[Curve]) -> dict[int, int]:
    """Which trials the rule stops, and after how many reports."""
    past: list[Curve] = []
    stopped_after = {}
    for index, curve in enumerate(curves):
        shown = curve
        for reports in range(1, len(curve.scores)):
            so_far = Curve(curve.costs, curve.scores[:reports], finished=False)
            if is_hopeless(so_far, past):
                shown, stopped_after[index] = so_far, reports
                break
        past.append(shown)
    return stopped_after


def on_front(curves: list[Curve]) -> set[int]:
    """The trials that end on the front of all, had none been stopped."""
    points = np.array([(-curve.scores[-1], *curve.costs) for curve in curves])
    return set(np.flatnonzero(non_dominated(points)).tolist())


def record(n_trials: int) -> None:
    """Train random candidates of the space `quick` to their end, going on from those that are written down."""
    raw = {"name": "curves", "task": TASK, "space": "quick", "strategy": "standalone"}
    known = json.loads(CURVES.read_text(encoding="utf-8")) if CURVES.is_file() else {"machine": machine(), "curves": []}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    with tempfile.TemporaryDirectory() as folder:
        bench = set_up(StudyConfig.model_validate(raw), Path(folder))
        for number in range(n_trials):
            candidate = bench.space.sample(study.ask())
            if number < len(known["curves"]):
                continue
            worker = Worker(bench, OwnWeights(bench), StudyStore(Path(folder), "curves"))
            trial = worker(Job(number=number, candidate=candidate), lambda told: None)
            costs = [trial.figures["latency_ms"], trial.figures["size_mb"]]
            known["curves"].append({"candidate": candidate.label, "costs": costs, "scores": trial.curve})
            CURVES.write_text(json.dumps(known, indent=1), encoding="utf-8")
            print(number, candidate.label, costs, trial.curve, flush=True)


if __name__ == "__main__":
    main()
