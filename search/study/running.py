"""A study: warm-up, baselines, trials until there are enough, polish, and the report."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from results.choosing import full_int8
from results.records import Ending, TrialRecord, failed_trial
from search.artifacts.scoring import artifact_answers
from search.config import StudyConfig
from search.devices.device import DeviceError
from search.errors import RunError
from search.sampling.ledger import Ledger
from search.sampling.samplers import make_sampler, one_thread
from search.sampling.store import StudyStore
from search.sampling.telling import recover
from search.study.comparison import compare
from search.study.polish import polish
from search.study.setting_up import check_budgets, inputs_of, set_up, study_record
from search.study.trial import files_of, run_trial
from search.study.warm_up import kept, warm_up
from search.study.workbench import Workbench
from spaces import Candidate, Space
from spaces.baselines import baselines
from trackers.tracker import Tracker

# A study whose first trials all fail has a fault that more trials won't mend.
GIVE_UP_AFTER = 4
# The folder of the super-networks, which studies share.
SUPER_NETWORKS = "super-networks"

Run = Callable[[int, Candidate], TrialRecord]


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
    with study_store.locked(), ExitStack() as stack:
        deadline = math.inf if config.time is None else time.monotonic() + config.time
        bench = set_up(config, store, tracker)
        bench.device.check()
        stack.callback(bench.device.close)
        if not study_store.exists:
            check_budgets(bench, study_store)
        config = bench.config  # with the device's own budgets
        inputs = inputs_of(bench)
        study_store.save_config(config, inputs)
        study = study_store.optuna_study(config)
        recover(study, study_store, config, bench.space)
        ledger = Ledger(study, config, tracker)
        record = study_record(bench, inputs, len(baselines(bench.space)))
        study_store.save_study(record)
        tracker.begin(record, ledger.standing)
        ending = Ending(standing=ledger.standing, stopped="by an error")
        try:
            bench = _warmed_up(bench, store)
            propose_baselines(ledger, bench.space, partial(_attempt, bench, study_store, ledger), deadline)
            search(ledger, bench.space, partial(_attempt, bench, study_store, ledger), deadline)
            if config.strategy == "supernet" and config.polish_epochs:
                polish(bench, study_store, ledger, deadline)
            ending = report(bench, study_store, ledger)
        except KeyboardInterrupt:
            recover(study, study_store, config, bench.space)
            ledger.reload()
            ending = Ending(standing=ledger.standing, stopped="by the user")
        except BaseException:
            ending = Ending(standing=ledger.standing, stopped="by an error")
            raise
        finally:
            ending = dataclasses.replace(ending, n_trials=len(ending.standing.trials))
            study_store.save_ending(ending)
            tracker.end(ending)
        return ending


def propose_baselines(ledger: Ledger, space: Space, run: Run, deadline: float = math.inf) -> None:
    """Put the baselines first: in the queue where the space has them, and else tried at once, if there is time."""
    known = [record.candidate for record in ledger.records]
    for candidate in baselines(space):
        parameters = space.parameters(candidate)
        if candidate.model_dump(mode="json") in known:
            continue
        if parameters is not None:
            ledger.study.enqueue_trial(parameters, skip_if_exists=True)
            continue
        if time.monotonic() > deadline:
            return
        number = ledger.next_number
        ledger.tracker.start_trial(number, candidate.label)
        ledger.enter(run(number, candidate))


def search(ledger: Ledger, space: Space, run: Run, deadline: float = math.inf) -> None:
    """Run trials until there are enough, the time is up or the space is used up.

    Args:
        ledger: The study, and what it has found so far.
        space: What it samples.
        run: Tries a candidate under a trial's number.
        deadline: By ``time.monotonic``; no trial starts after it.

    Raises:
        RunError: The first trials all failed.
    """
    config, tracker, records = ledger.config, ledger.tracker, ledger.records
    while ledger.n_sampled < config.trials:
        if time.monotonic() > deadline:
            tracker.stage(f"time is up after {len(records)} trials")
            return
        if used_up(space, records):
            tracker.stage(f"all {space.n_points} points of the space have been tried")
            return
        # A sampler of its own for each trial, so that a study goes on after a stop as it would have without one.
        seed = np.random.SeedSequence([config.seed, len(records)]).generate_state(1)[0]
        ledger.study.sampler = make_sampler(config.sampler, int(seed), ledger.n_sampled)
        with one_thread():
            trial = ledger.study.ask()
            candidate = space.sample(trial)
        tracker.start_trial(trial.number, candidate.label)
        ledger.enter(repeated(trial.number, candidate, records) or run(trial.number, candidate), trial)
        enough = len(records) >= min(GIVE_UP_AFTER, config.trials)
        if enough and all(record.status == "failed" for record in records):
            raise RunError(f"the first {len(records)} trials all failed, the last with {records[-1].reason}")


def report(bench: Workbench, store: StudyStore, ledger: Ledger) -> Ending:
    """The ending of a study that ran to its end; the test split is read here for the first time."""
    standing = ledger.standing
    chosen = standing.chosen
    if chosen is None:
        return Ending(standing=standing)
    bench.tracker.stage("keeping the front, and scoring the recommended candidate on the test split")
    for member in standing.members:
        files_of(bench, store, member)
    full = full_int8(ledger.records, bench.space)

    def answers(trial: TrialRecord) -> np.ndarray:
        return artifact_answers(files_of(bench, store, trial), bench.task, bench.task.test, bench.device.batch_size)

    predicted = answers(chosen)
    score = bench.task.score(bench.task.test.labels, predicted.tolist())
    comparison = None if full is None else compare((chosen, predicted), (full, answers(full)), bench.task)
    screening_error = float(np.median(bench.screen.errors)) if bench.screen and bench.screen.ready else None
    return Ending(standing=standing, test_score=score, comparison=comparison, screening_error=screening_error)


def remake(record: TrialRecord, study_store: StudyStore, store: Path) -> None:
    """Make the files of a trial again that was only cut from the study's super-network.

    Raises:
        UsageError: The super-network is gone, or what the study's file names has changed.
        RunError: The artefact is not the one that was scored.
    """
    bench = set_up(study_store.config(), store, Tracker())
    bench = dataclasses.replace(bench, full=kept(bench, store / SUPER_NETWORKS))
    files_of(bench, study_store, record)


def used_up(space: Space, records: Sequence[TrialRecord]) -> bool:
    """Whether every point of a finite space has been tried."""
    if len(records) < space.n_points:
        return False
    tried = {str(record.candidate): record.candidate for record in records}
    return sum(space.parameters(Candidate.model_validate(raw)) is not None for raw in tried.values()) >= space.n_points


def repeated(number: int, candidate: Candidate, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The record of an earlier trial of the same candidate, if there is one, under the new number."""
    wanted = candidate.model_dump(mode="json")
    for record in records:
        if record.candidate == wanted and record.status != "failed" and record.polishes is None:
            first = record.number if record.repeats is None else record.repeats
            return dataclasses.replace(record, number=number, repeats=first, baseline=False, seconds=0.0)
    return None


def _warmed_up(bench: Workbench, store: Path) -> Workbench:
    if bench.config.strategy != "supernet":
        return bench
    super_network, story = warm_up(bench, store / SUPER_NETWORKS)
    bench.tracker.warm_up(story)
    return dataclasses.replace(bench, full=super_network)


def _attempt(bench: Workbench, store: StudyStore, ledger: Ledger, number: int, candidate: Candidate) -> TrialRecord:
    """Run a trial; whatever goes wrong in it is recorded, and the study goes on, unless the device is gone."""
    started, past = time.perf_counter(), [record for record in ledger.records if record.polishes is None]
    baseline = candidate in baselines(bench.space)
    twin = next((record for record in past if record.curve and _same_weights(record, candidate)), None)
    trained = None if twin is None else (twin, store.trial_folder(twin.number))
    try:
        record = run_trial(bench, number, candidate, store.trial_folder(number), past, trained, baseline=baseline)
    except DeviceError:
        raise
    except Exception as error:
        record = failed_trial(number, candidate, error, seconds=time.perf_counter() - started, baseline=baseline)
    if record.score is None or not record.curve:
        # What was cut can be cut again, and what has no score is of no use.
        store.discard(number)
    return record


def _same_weights(record: TrialRecord, candidate: Candidate) -> bool:
    """Whether a trial trained the very weights that a candidate would have."""
    same = Candidate.model_validate(record.candidate).inheritance == candidate.inheritance
    return same and record.score is not None and record.polishes is None
