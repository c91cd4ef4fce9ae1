"""What the super-network saves: `python benchmarks/search_efficiency.py` (see --help).

Searches movie-snippets with minilm-l6 three ways, for the same time each and with the same seeds:

- `supernet`: the default strategy, its warm-up included,
- `standalone`: every candidate is fine-tuned on its own, with early stopping,
- `by hand`: what a user would write with Optuna and the transformers Trainer: depth, learning rate, epochs, batch size
  and int8 are sampled, and every candidate is fine-tuned.

All are scored and measured as ONNX by the same code. Prints the hypervolume of (score, latency, size) that each
reaches, and when the first passes what the last has at the end. The aim: in a tenth of its time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from training_speed import trainer_of

from results.choosing import Standing
from results.hypervolume import hypervolume
from results.records import TrialRecord
from search.artifacts.build import build_artifact
from search.artifacts.scoring import score_artifact
from search.compression import Draft
from search.config import StudyConfig
from search.devices.loading import load_device
from search.models.backbones import load_backbone
from search.models.families import FAMILIES
from search.models.slicing import cut
from search.runtime.machine import machine
from search.sampling.store import MAXIMIZE, MINIMIZE
from search.study.running import run_study
from search.tasks import MovieSnippets, Task
from search.tasks.task import N_TIMED_TEXTS
from spaces import Architecture, Compression, Shape, Training
from trackers.tracker import Tracker

# What counts: faster and smaller than about twice what the fp32 full-size model takes.
WORST = {"latency_ms": 16.0, "size_mb": 92.0}

Found = list[tuple[float, Mapping[str, float]]]  # seconds since the start, and the figures of a trial


def main() -> None:
    """Search all ways, and print what they reach."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60, help="Of each search.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--texts", type=int, help="Train on so many sentences instead of all.")
    arguments = parser.parse_args()
    task = MovieSnippets().load()
    task = replace(task, train=task.train.sample(arguments.texts or len(task.train), seed=0))
    limit_s = 60 * arguments.minutes
    print(f"{machine()}; {len(task.train)} training sentences, {arguments.minutes:g} min a search", flush=True)
    ways: dict[str, Callable[[Task, float, int], Found]] = {
        "by hand": by_hand,
        "standalone": lambda *given: with_bertailor("standalone", *given),
        "supernet": lambda *given: with_bertailor("supernet", *given),
    }
    shares = []
    for seed in range(arguments.seeds):
        found = {}
        for name, way in ways.items():
            found[name] = [(at, figures) for at, figures in way(task, limit_s, seed) if at <= limit_s]
            print(f"seed {seed}, {name}: {len(found[name])} candidates, hypervolume by minute", end=" ")
            print(by_minute(found[name], arguments.minutes), flush=True)
        goal = volume(found["by hand"])
        taken, passed = reached(found["by hand"], goal), reached(found["supernet"], goal)
        shares.append(passed / taken)
        print(f"seed {seed}: by hand reaches {goal:.4f} after {taken:.0f} s, supernet after {passed:.0f} s", flush=True)
    print(f"supernet takes {statistics.median(shares):.2f} of the time (median of the seeds; aim: 0.1)")


def with_bertailor(strategy: str, task: Task, limit_s: float, seed: int) -> Found:
    """A study without anything from earlier ones."""
    with tempfile.TemporaryDirectory() as folder:
        raw: dict[str, Any] = {
            "name": "efficiency",
            "task": write_splits(task, Path(folder)),
            "strategy": strategy,
            "trials": 60,
            "time": limit_s,
            "seed": seed,
        }
        clock = Clock()
        run_study(StudyConfig.model_validate(raw), Path(folder) / "store", clock)
    return clock.found


class Clock(Tracker):
    """Notes when each trial had its score."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.found: Found = []

    def end_trial(self, trial: TrialRecord, standing: Standing) -> None:
        """Note a trial."""
        if trial.status == "scored":
            self.found.append((time.perf_counter() - self._started, trial.figures))


def by_hand(task: Task, limit_s: float, seed: int) -> Found:
    """A search of one's own: TPE, and the Trainer for every candidate."""
    started, found = time.perf_counter(), []
    backbone, device = load_backbone("minilm-l6"), load_device("this-machine")
    texts = task.validation.sample(N_TIMED_TEXTS, seed=0).texts
    study = optuna.create_study(
        directions=[MAXIMIZE, MINIMIZE, MINIMIZE], sampler=optuna.samplers.TPESampler(seed=seed)
    )
    while time.perf_counter() - started < limit_s:
        trial = study.ask()
        depth = trial.suggest_int("depth", 2, backbone.shape.depth)
        training = Training(
            learning_rate=trial.suggest_float("learning_rate", 5e-5, 5e-4, log=True),
            epochs=trial.suggest_int("epochs", 1, 3),
            batch_size=trial.suggest_categorical("batch_size", [16, 32]),
        )
        quantisation = trial.suggest_categorical("quantisation", ["none", "dynamic-int8"])
        with tempfile.TemporaryDirectory() as folder:
            trainer = trainer_of(task, training, seed, Path(folder), depth)
            trainer.train()
            weights = FAMILIES["bert"].elastic_names(trainer.model.cpu().state_dict())
            model = cut(backbone.full_model(task.labels, seed), first_layers(backbone.shape, depth))
            model.load_state_dict(weights)
            compression = Compression(quantisation=quantisation)
            draft = Draft(model=model, tokenizer=backbone.tokenizer, max_tokens=task.max_tokens)
            build_artifact(draft, compression, Path(folder))
            costs = device.measure(Path(folder), texts)
            score = score_artifact(Path(folder), task, task.validation, device.batch_size)
        study.tell(trial, [score, costs.latency_ms, costs.size_mb])
        found.append((time.perf_counter() - started, {"score": score, **costs.figures}))
    return found


def first_layers(shape: Shape, depth: int) -> Architecture:
    """The sizes of a pretrained BERT of which the first layers are loaded."""
    return Architecture.uniform(range(depth), heads=shape.heads, ffn_size=shape.ffn_size, hidden_size=shape.hidden_size)


def volume(found: Found) -> float:
    """The hypervolume of all that was found."""
    return hypervolume([figures for _, figures in found], WORST)


def reached(found: Found, goal: float) -> float:
    """After how many seconds the hypervolume was reached; infinite if it wasn't."""
    times = (at for index, (at, _) in enumerate(found) if volume(found[: index + 1]) >= goal)
    return next(times, float("inf"))


def by_minute(found: Found, minutes: float) -> str:
    """The hypervolume after each minute."""
    points = [volume([trial for trial in found if trial[0] <= 60 * minute]) for minute in range(1, round(minutes) + 1)]
    return " ".join(f"{point:.3f}" for point in points)


def write_splits(task: Task, folder: Path) -> dict[str, str]:
    """The task as files of a user's own."""
    paths = {}
    for key, split in (("path", task.train), ("validation", task.validation), ("test", task.test)):
        paths[key] = str(folder / f"{key}.csv")
        labels = [task.labels[label] for label in split.labels]
        pd.DataFrame({"text": split.texts, "label": labels}).to_csv(paths[key], index=False)
    return paths


if __name__ == "__main__":
    main()
