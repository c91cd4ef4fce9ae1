"""A study: trials until there are enough, then the front and the member to take."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import TrialState

from search.artifacts.scoring import score_artifact
from search.config import StudyConfig
from search.devices.device import load_device
from search.errors import RunError, UsageError
from search.front import losses, non_dominated, pick
from search.models.backbones import load_backbone
from search.models.shrinking import candidate_model
from search.reading import explain
from search.samplers import make_sampler
from search.store import RECORD, StudyStore, finished
from search.training.batches import EncodedSplit
from search.trial import N_TIMED_TEXTS, Workbench, failed_trial, run_trial
from spaces import Candidate, Space
from trackers.records import Ending, Standing, StudyRecord, TrialRecord
from trackers.tracker import Tracker

# A study whose first trials all fail has a fault that more trials won't mend.
GIVE_UP_AFTER = 4
# A candidate that ended the process this often, by using up the memory for example, is not tried again.
MAX_CUT_OFF = 2


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
        study_store.save_config(config)
        study = study_store.optuna_study(config)
        records = finished(study)
        tracker.begin(study_record(bench), standing_of(records, config.objectives))
        recover(study, study_store)
        try:
            search(study, records, bench, study_store)
        except KeyboardInterrupt:
            recover(study, study_store)
            ending = Ending(standing=standing_of(records, config.objectives), interrupted=True)
        else:
            standing = standing_of(records, config.objectives)
            ending = Ending(standing=standing, test_score=test_score(bench, standing, study_store))
        tracker.end(ending)
        return ending


def set_up(config: StudyConfig, tracker: Tracker) -> Workbench:
    """Look up everything that a configuration names."""
    tracker.stage("loading the device, the backbone and the space")
    device = load_device(config.device)
    backbone = load_backbone(config.backbone)
    try:
        space = Space.load(config.space, backbone.shape)
    except ValueError as error:
        raise UsageError(f"space {config.space}: {explain(error, Space)}") from error
    tracker.stage("loading the task")
    task = config.task.load()
    tracker.stage(
        f"task {task.name}: {len(task.train)} training and {len(task.validation)} validation texts,"
        f" {len(task.labels)} labels"
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


def search(study: optuna.Study, records: list[TrialRecord], bench: Workbench, store: StudyStore) -> None:
    """Run trials, adding their records to ``records``, until there are enough or the time is up."""
    config, started = bench.config, time.monotonic()
    while len(records) < config.trials:
        if config.time is not None and time.monotonic() - started > config.time:
            bench.tracker.stage(f"time is up after {len(records)} trials")
            return
        if len({str(record.candidate) for record in records}) >= bench.space.n_points:
            bench.tracker.stage(f"all {bench.space.n_points} points of the space have been tried")
            return
        # A sampler of its own for each trial, so that a study goes on after a stop as it would have without one.
        seed = np.random.SeedSequence([config.seed, len(records)]).generate_state(1)[0]
        study.sampler = make_sampler(config.sampler, int(seed))
        trial = study.ask()
        candidate = bench.space.sample(trial)
        bench.tracker.start_trial(trial.number, candidate.label)
        record = repeated(trial.number, candidate, records) or attempt(bench, trial.number, candidate, store)
        if record.status != "scored" or record.repeats is not None:
            store.discard(trial.number)
        tell(study, trial, record, config)
        records.append(record)
        bench.tracker.end_trial(record, standing_of(records, config.objectives))
        if len(records) == GIVE_UP_AFTER and all(record.status == "failed" for record in records):
            raise RunError(f"the first {GIVE_UP_AFTER} trials all failed, the last with {record.reason}")


def attempt(bench: Workbench, number: int, candidate: Candidate, store: StudyStore) -> TrialRecord:
    """Run a trial; whatever goes wrong in it is recorded, and the study goes on."""
    started = time.perf_counter()
    try:
        return run_trial(bench, number, candidate, store.trial_folder(number))
    except Exception as error:
        return failed_trial(number, candidate, error, time.perf_counter() - started)


def repeated(number: int, candidate: Candidate, records: list[TrialRecord]) -> TrialRecord | None:
    """The record of an earlier trial of the same candidate, if there is one, under the new number."""
    wanted = candidate.model_dump(mode="json")
    for record in records:
        if record.candidate == wanted and record.status != "failed":
            first = record.number if record.repeats is None else record.repeats
            return dataclasses.replace(record, number=number, repeats=first, seconds=0.0)
    return None


def tell(study: optuna.Study, trial: optuna.Trial, record: TrialRecord, config: StudyConfig) -> None:
    """Report a trial to Optuna.

    What broke a budget is completed, not pruned: NSGA-II and GP learn nothing from a pruned trial and keep
    proposing its like. Without training its score counts as 0; its constraints keep it off the front.
    """
    trial.set_user_attr(RECORD, record.to_dict())
    if record.status == "failed":
        study.tell(trial, state=TrialState.FAIL)
        return
    figures = {"score": 0.0, **record.figures}
    for name, excess in config.budgets.excess(figures).items():
        unknown = name == "score" and record.score is None
        trial.set_constraint(name, 0.0 if unknown else excess)
    study.tell(trial, [figures[name] for name in config.objectives])


def standing_of(records: list[TrialRecord], objectives: tuple[str, ...]) -> Standing:
    """Where a study with these trials stands."""
    feasible = [record for record in records if record.status == "scored" and record.repeats is None]
    if not feasible:
        return Standing(trials=tuple(records))
    points = np.array([losses(record.figures, objectives) for record in feasible])
    members = [record for record, on_front in zip(feasible, non_dominated(points), strict=True) if on_front]
    members.sort(key=lambda record: losses(record.figures, objectives))
    recommended = members[pick([member.figures for member in members], objectives, "knee")]
    return Standing(
        trials=tuple(records),
        front=tuple(member.number for member in members),
        recommended=recommended.number,
    )


def recover(study: optuna.Study, store: StudyStore) -> None:
    """Give up the trials that were cut off, and have their candidates proposed again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        store.discard(trial.number)
        cut_off = [
            other
            for other in study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
            if RECORD not in other.user_attrs and other.params == trial.params
        ]
        if trial.params and len(cut_off) < MAX_CUT_OFF:
            study.enqueue_trial(trial.params)


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
    settings = config.model_dump(mode="json", exclude={"name", "objectives", "budgets", "task"})
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
