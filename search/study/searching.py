"""The search: entrants first, then what the sampler proposes, until there are enough trials or no time is left."""

from __future__ import annotations

import time

from results.records import TrialRecord
from search.engines.engine import Engine
from search.errors import RunError
from search.sampling.ledger import Ledger, repeated, used_up
from search.study.job import Job
from spaces import Space
from spaces.baselines import Entrants

# A study whose first trials all fail has a fault that more trials won't mend.
GIVE_UP_AFTER = 4

Runner = Engine[Job, TrialRecord]


def try_entrants(ledger: Ledger, space: Space, entrants: Entrants, engine: Runner, deadline: float) -> None:
    """Put the entrants first: in the queue where the space has them, and else tried at once, if there is time.

    Args:
        ledger: The study's trials.
        space: What it samples.
        entrants: What is tried whatever the sampler proposes.
        engine: Runs the jobs.
        deadline: By ``time.monotonic``; no trial starts after it.
    """
    known = {record.candidate for record in ledger.records}
    for candidate in entrants.candidates:
        parameters = space.parameters(candidate)
        if candidate in known:
            continue
        if parameters is not None:
            ledger.study.enqueue_trial(parameters, skip_if_exists=True)
            continue
        if time.monotonic() > deadline:
            return
        job = Job(number=ledger.next_number, candidate=candidate, entrant=True, past=tuple(ledger.records))
        ledger.tracker.start_trial(job.number, job.label)
        ledger.enter(engine.run(job))


def search(ledger: Ledger, space: Space, entrants: Entrants, engine: Runner, deadline: float) -> None:
    """Run trials until there are enough, the time is up or the space is used up.

    Args:
        ledger: The study's trials.
        space: What it samples.
        entrants: Those that are in the space were queued, and come first.
        engine: Runs as many at a time as it has slots.
        deadline: By ``time.monotonic``; no trial starts after it.

    Raises:
        RunError: The first trials all failed.
    """
    while True:
        while engine.has_free_slot and not _is_over(ledger, space, engine.n_running, deadline):
            number, candidate = ledger.propose(space)
            job = Job(
                number=number,
                candidate=candidate,
                entrant=candidate in entrants.candidates,
                past=tuple(ledger.records),
            )
            ledger.tracker.start_trial(number, job.label)
            known = repeated(number, candidate, ledger.records)
            if known is not None:
                ledger.enter(known)
            else:
                engine.submit(job)
        if not engine.n_running:
            return
        ledger.enter(engine.result())
        _give_up_if_all_failed(ledger)


def _is_over(ledger: Ledger, space: Space, n_running: int, deadline: float) -> bool:
    """Whether no further trial is to start; the tracker hears why, unless there are simply enough."""
    if ledger.n_sampled + n_running >= ledger.config.trials:
        return True
    if time.monotonic() > deadline:
        ledger.tracker.stage(f"time is up after {len(ledger.records)} trials")
        return True
    if used_up(space, ledger.records):
        ledger.tracker.stage(f"all {space.n_points} points of the space have been tried")
        return True
    return False


def _give_up_if_all_failed(ledger: Ledger) -> None:
    records = ledger.records
    enough = len(records) >= min(GIVE_UP_AFTER, ledger.config.trials)
    if enough and all(record.status == "failed" for record in records):
        raise RunError(f"the first {len(records)} trials all failed, the last with {records[-1].reason}")
