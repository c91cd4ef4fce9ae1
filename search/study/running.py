"""A study: weights are made ready, entrants and proposals are tried, the front is polished and reported."""

from __future__ import annotations

import dataclasses
import math
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from results.choosing import Ending
from results.records import TrialRecord
from search.config import StudyConfig
from search.engines.local import InlineEngine
from search.sampling.store import StudyStore
from search.sampling.telling import recover
from search.study.beginning import begin
from search.study.job import Job, Report, Stage
from search.study.polish import polish
from search.study.reporting import report
from search.study.searching import search, try_entrants
from search.study.setting_up import set_up
from search.study.strategies import strategy_of
from search.study.trial import files_of
from search.study.worker import Worker
from trackers.tracker import Tracker


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
    study_store, strategy, hear = StudyStore(store, config.name), strategy_of(config), partial(_heard, tracker)
    with study_store.locked(), ExitStack() as stack:
        deadline = math.inf if config.time is None else time.monotonic() + config.time
        bench = set_up(config, store, tracker.stage)
        bench.device.check()
        stack.callback(bench.device.close)
        ledger = begin(bench, study_store, tracker)
        ending = Ending(standing=ledger.standing, stopped="by an error")
        try:
            weights = strategy.weights(bench, hear)
            if weights.story is not None:
                tracker.warm_up(weights.story)
            engine = InlineEngine[Job, TrialRecord](Worker(bench, weights, study_store), hear)
            try_entrants(ledger, bench.space, bench.entrants, engine, deadline)
            search(ledger, bench.space, bench.entrants, engine, deadline)
            if strategy.polish_epochs:
                polish(ledger, bench, engine, deadline)
            ending = report(bench, weights, study_store, ledger)
        except KeyboardInterrupt:
            recover(ledger.study, study_store, bench.config, bench.space, bench.entrants)
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


def remake(record: TrialRecord, study_store: StudyStore, store: Path) -> None:
    """Make the files of a trial again that was only cut from the study's weights.

    Raises:
        UsageError: The weights are gone, or what the study's file names has changed.
        RunError: The artefact is not the one that was scored.
    """
    config = study_store.config()
    bench = set_up(config, store)
    files_of(bench, strategy_of(config).kept_weights(bench), study_store, record)


def _heard(tracker: Tracker, told: Stage | Report) -> None:
    """Pass on to a tracker what a job has to say."""
    match told:
        case Stage(text):
            tracker.stage(text)
        case Report(number, step, metrics):
            tracker.log_progress(number, step, metrics)
