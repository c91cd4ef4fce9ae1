"""Polish: the front's members are trained further, one after the other, when the search is over."""

from __future__ import annotations

import time
from dataclasses import replace

from results.choosing import standing_of
from results.records import TrialRecord
from search.engines.engine import Engine
from search.sampling.ledger import Ledger
from search.study.job import Job
from search.study.workbench import Workbench


def polish(ledger: Ledger, bench: Workbench, engine: Engine[Job, TrialRecord], deadline: float) -> None:
    """Polish every member of the front that isn't yet, the recommended one first, as long as there is time.

    Then what would be on the front but for the floor under the score, which counts after polishing: from the best
    score down, until one misses the floor even so.

    Args:
        ledger: The study's trials; a polished version is a trial of its own.
        bench: What the study's trials share.
        engine: Runs the jobs.
        deadline: By ``time.monotonic``; no member is begun after it.
    """
    # The members are looked up anew after each: a version that takes its member's place may let others onto the front.
    while members := _unpolished(ledger, bench) or _short_of_the_floor(ledger, bench):
        if time.monotonic() > deadline:
            ledger.tracker.stage("time is up before all of the front is polished")
            return
        member = members[0]
        job = Job(number=ledger.next_number, candidate=member.candidate, polishes=member, past=tuple(ledger.records))
        ledger.tracker.start_trial(job.number, job.label)
        ledger.enter(engine.run(job))


def _unpolished(ledger: Ledger, bench: Workbench) -> list[TrialRecord]:
    """The members to polish, the recommended one first."""
    members = [member for member in ledger.standing.members if _may_gain(ledger, bench, member)]
    return sorted(members, key=lambda member: member.number != ledger.standing.recommended)


def _short_of_the_floor(ledger: Ledger, bench: Workbench) -> list[TrialRecord]:
    """What only the floor under the score keeps off the front, the best score first; none once one missed it again."""
    short = {record.number: record for record in ledger.records if _misses_only_the_floor(bench, record)}
    if any(record.polishes in short and record.status != "scored" for record in ledger.records):
        return []
    without_floor = [
        replace(record, status="scored") if record.number in short else record for record in ledger.records
    ]
    front = standing_of(without_floor, bench.config.objectives).front
    members = [short[number] for number in front if number in short and _may_gain(ledger, bench, short[number])]
    return sorted(members, key=lambda member: -(member.score or 0))


def _misses_only_the_floor(bench: Workbench, record: TrialRecord) -> bool:
    if record.status != "over-budget" or record.score is None or record.polishes is not None:
        return False
    return [*bench.config.budgets.broken(record.figures)] == ["score"]


def _may_gain(ledger: Ledger, bench: Workbench, member: TrialRecord) -> bool:
    """Whether it was not polished yet; the full-size model would be its own teacher."""
    tried = {record.polishes for record in ledger.records}
    is_full_size = member.candidate.architecture == bench.entrants.full_fp32.architecture
    return member.polishes is None and member.number not in tried and not is_full_size
