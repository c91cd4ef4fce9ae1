"""A study: trials until there are enough, then the front and the member to take."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import optuna
from pydantic import ValidationError

from search.artifacts.scoring import score_artifact
from search.config import StudyConfig
from search.devices.device import load_device
from search.errors import RunError, UsageError
from search.models.backbones import load_backbone
from search.models.shrinking import candidate_model
from search.reading import explain
from search.samplers import make_sampler
from search.standing import standing_after, standing_of
from search.store import StudyStore, finished
from search.telling import recover, tell
from search.training.batches import EncodedSplit
from search.trial import N_TIMED_TEXTS, Workbench, failed_trial, run_trial
from spaces import Candidate, Space
from trackers.records import Ending, Standing, StudyRecord, TrialRecord
from trackers.tracker import Tracker

# A study whose first trials all fail has a fault that more trials won't mend.
GIVE_UP_AFTER = 4


def run_study(config: StudyConfig, store: Path, tracker: Tracker) -> Ending:
    """Run a study, or go on with it, until it has its trials, its time is up or the user stops it.

    Args:
        config: What to search.
        store: The folder of all studies.
        tracker: Is told of everything.

    Raises:
        UsageError: Something that the configuration names can't be had, or no candidate can keep to the budgets.
        RunError: The first trials all failed.
    """
    study_store = StudyStore(store, config.name)
    with study_store.locked():
        bench = set_up(config, tracker)
        if not study_store.exists:
            check_budgets(bench, study_store)
        study_store.save_config(config, inputs_of(bench))
        study = study_store.optuna_study(config)
        recover(study, study_store, config, bench.space)
        records = finished(study)
        tracker.begin(study_record(bench), standing_of(records, config.objectives))
        stopped, score = "", None
        try:
            search(study, records, config, bench.space, tracker, run=partial(attempt, bench, study_store))
            score = test_score(bench, standing_of(records, config.objectives), study_store)
        except KeyboardInterrupt:
            stopped = "by the user"
            recover(study, study_store, config, bench.space)
            records[:] = finished(study)
        except BaseException:
            stopped = "by an error"
            raise
        finally:
            ending = Ending(standing=standing_of(records, config.objectives), test_score=score, stopped=stopped)
            tracker.end(ending)
        return ending


def set_up(config: StudyConfig, tracker: Tracker) -> Workbench:
    """Look up everything that a configuration names."""
    tracker.stage("loading the device, the backbone and the space")
    device = load_device(config.device)
    backbone = load_backbone(config.backbone)
    try:
        space = Space.load(config.space, backbone.shape)
    except ValidationError as error:
        raise UsageError(f"space {config.space}: {explain(error, Space)}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    tracker.stage("loading the task")
    task = config.task.load()
    tracker.stage(
        f"task {task.name}: {len(task.train)} training and {len(task.validation)} validation texts,"
        f" {len(task.labels)} labels"
    )
    if task.max_tokens > backbone.config.max_position_embeddings:
        raise UsageError(
            f"task.max_tokens is {task.max_tokens}, and backbone {backbone.name} reads at most"
            f" {backbone.config.max_position_embeddings} word pieces: lower it"
        )
    return Workbench(
        config=config,
        task=task,
        backbone=backbone,
        space=space,
        device=device,
        train=EncodedSplit(task.train, backbone.tokenizer, task.max_tokens),
        validation=EncodedSplit(task.validation, backbone.tokenizer, task.max_tokens),
        timed_texts=task.validation.sample(N_TIMED_TEXTS, seed=0).texts,
        tracker=tracker,
    )


def search(
    study: optuna.Study,
    records: list[TrialRecord],
    config: StudyConfig,
    space: Space,
    tracker: Tracker,
    run: Callable[[int, Candidate], TrialRecord],
) -> None:
    """Run trials until there are enough, the time is up or the space is used up.

    Args:
        study: Optuna's side of the study.
        records: The trials that are finished; each new one is added.
        config: The study.
        space: What it samples.
        tracker: Is told of every trial.
        run: Tries a candidate under a trial's number.

    Raises:
        RunError: The first trials all failed.
    """
    started, standing = time.monotonic(), standing_of(records, config.objectives)
    while len(records) < config.trials:
        if config.time is not None and time.monotonic() - started > config.time:
            tracker.stage(f"time is up after {len(records)} trials")
            return
        if used_up(space, records):
            tracker.stage(f"all {space.n_points} points of the space have been tried")
            return
        # A sampler of its own for each trial, so that a study goes on after a stop as it would have without one.
        seed = np.random.SeedSequence([config.seed, len(records)]).generate_state(1)[0]
        study.sampler = make_sampler(config.sampler, int(seed))
        trial = study.ask()
        candidate = space.sample(trial)
        tracker.start_trial(trial.number, candidate.label)
        record = repeated(trial.number, candidate, records) or run(trial.number, candidate)
        tell(study, trial, record, config)
        records.append(record)
        standing = standing_after(standing, record, config.objectives)
        tracker.end_trial(record, standing)
        enough = len(records) >= min(GIVE_UP_AFTER, config.trials)
        if enough and all(record.status == "failed" for record in records):
            raise RunError(f"the first {len(records)} trials all failed, the last with {record.reason}")


def attempt(bench: Workbench, store: StudyStore, number: int, candidate: Candidate) -> TrialRecord:
    """Run a trial; whatever goes wrong in it is recorded, and the study goes on."""
    started = time.perf_counter()
    try:
        record = run_trial(bench, number, candidate, store.trial_folder(number))
    except Exception as error:
        record = failed_trial(number, candidate, error, time.perf_counter() - started)
    if record.status != "scored":
        store.discard(number)
    return record


def used_up(space: Space, records: list[TrialRecord]) -> bool:
    """Whether every point of a finite space has been tried."""
    return math.isfinite(space.n_points) and len({str(record.candidate) for record in records}) >= space.n_points


def repeated(number: int, candidate: Candidate, records: list[TrialRecord]) -> TrialRecord | None:
    """The record of an earlier trial of the same candidate, if there is one, under the new number."""
    wanted = candidate.model_dump(mode="json")
    for record in records:
        if record.candidate == wanted and record.status != "failed":
            first = record.number if record.repeats is None else record.repeats
            return dataclasses.replace(record, number=number, repeats=first, seconds=0.0)
    return None


def check_budgets(bench: Workbench, store: StudyStore) -> None:
    """Refuse budgets that even the smallest candidate of the space breaks, before any time is spent.

    Raises:
        UsageError: No candidate can keep to the budgets.
    """
    budgets = bench.config.budgets.model_dump(exclude_none=True)
    if not budgets.keys() - {"score"}:
        return
    bench.tracker.stage("measuring the smallest candidate against the budgets")
    candidate = bench.space.smallest()
    model = candidate_model(bench.backbone, candidate.architecture, bench.task.labels, bench.config.seed)
    with tempfile.TemporaryDirectory(dir=store.folder) as folder:
        bench.build(model, candidate, Path(folder))
        broken = bench.over_budget(bench.device.measure(Path(folder), bench.timed_texts).figures)
    if broken:
        raise UsageError(
            f"the budgets can't be met: the smallest candidate of space '{bench.config.space}', {candidate.label},"
            f" has {broken}; raise the budget, or take a space with smaller candidates"
        )


def inputs_of(bench: Workbench) -> dict[str, str]:
    """What the study's trials share, as fingerprints: when one changes, they no longer compare."""
    texts = json.dumps([[split.texts, split.labels] for split in (bench.task.train, bench.task.validation)])
    parts = {"task's texts": texts, "space": bench.space.model_dump_json(), "device": bench.device.model_dump_json()}
    return {name: hashlib.sha256(part.encode()).hexdigest() for name, part in parts.items()}


def test_score(bench: Workbench, standing: Standing, store: StudyStore) -> float | None:
    """The recommended candidate's score on the test split, which nothing before has read."""
    if standing.recommended is None:
        return None
    bench.tracker.stage("scoring the recommended candidate on the test split")
    folder = store.trial_folder(standing.recommended)
    return score_artifact(folder, bench.task, bench.task.test, bench.device.batch_size)


def study_record(bench: Workbench) -> StudyRecord:
    """The study as its trackers see it."""
    config = bench.config
    settings = config.model_dump(mode="json", exclude={"name", "objectives", "budgets", "task", "trials", "time"})
    return StudyRecord(
        name=config.name,
        task=bench.task.name,
        device=bench.device.name,
        n_trials=config.trials,
        time_limit_s=config.time,
        objectives=config.objectives,
        budgets=config.budgets.model_dump(exclude_none=True),
        settings={key: str(value) for key, value in settings.items() if value is not None},
        config_yaml=config.to_yaml(),
    )
