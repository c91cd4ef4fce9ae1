"""The worker: does a study's jobs, wherever an engine has it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from results.attempts import Attempt
from results.records import TrialRecord
from search.devices.device import DeviceError
from search.sampling.store import StudyStore
from search.study.job import Job, Tell
from search.study.polishing import run_polishing
from search.study.strategy import Weights
from search.study.trial import run_trial
from search.study.workbench import Workbench


@dataclass(frozen=True)
class Worker:
    """Does jobs.

    Attributes:
        bench: What the study's trials share.
        weights: What candidates are cut from.
        store: Keeps what the trials make.
    """

    bench: Workbench
    weights: Weights
    store: StudyStore

    def __call__(self, job: Job, tell: Tell) -> TrialRecord:
        """The record of a trial; whatever goes wrong in it is recorded.

        Raises:
            DeviceError: The device is gone, so that no other trial would fare better.
        """
        started = time.perf_counter()
        record = self._attempt(job, tell).record(self.bench.config.budgets, time.perf_counter() - started)
        if not record.trained or record.score is None or record.status == "worse":
            # What was only cut can be cut again, and what has no score or a worse one is of no use.
            self.store.discard(job.number)
        return record

    def _attempt(self, job: Job, tell: Tell) -> Attempt:
        run = run_trial if job.polishes is None else run_polishing
        try:
            return run(self.bench, self.weights, self.store, job, tell)
        except DeviceError:
            raise
        except Exception as error:
            return replace(job.attempt, error=error)
