from __future__ import annotations

from typing import Any

import pytest

from results.attempts import Attempt
from results.budgets import Budgets
from tests.results.test_records import a_trial, some_costs

BUDGETS = Budgets(latency_ms=8, score=0.5)
FAST, SLOW = some_costs(4.0), some_costs(9.0)
MEMBER = a_trial(3, score=0.75)


def an_error(said: str) -> RuntimeError:
    try:
        raise RuntimeError(said)
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("known", "status", "said"),
    [
        ({"costs": FAST, "score": 0.75}, "scored", ""),
        ({"costs": SLOW}, "over-budget", "latency_ms 9 over 8"),
        ({"costs": SLOW, "score": 0.25}, "over-budget", "latency_ms 9 over 8, score 0.25 below 0.5"),
        ({"costs": FAST, "score": 0.25}, "over-budget", "score 0.25 below 0.5"),
        ({"costs": some_costs(fits=False)}, "over-budget", "memory limit"),
        ({"costs": SLOW, "screened": "9.00 ms predicted"}, "screened", "9.00 ms predicted"),
        ({"costs": FAST, "curve": (0.5, 0.25), "finished": False}, "stopped", "after 2 reports its 0.2500"),
        ({"costs": FAST, "error": an_error("it broke\nwith much to say")}, "failed", "RuntimeError: it broke"),
        ({"costs": FAST, "polishes": MEMBER, "score": 0.8}, "scored", ""),
        ({"costs": FAST, "polishes": MEMBER, "score": 0.75}, "worse", "no better than the 0.7500 of #3"),
        ({"costs": SLOW, "polishes": MEMBER, "score": 0.9}, "worse", "latency_ms 9 over 8"),
        ({"costs": FAST, "polishes": MEMBER, "curve": (0.25,), "finished": False}, "stopped", "after 1 reports"),
    ],
)
def test_every_way_in_which_a_trial_can_end(known: dict[str, Any], status: str, said: str) -> None:
    record = Attempt(number=7, candidate=MEMBER.candidate, **known).record(BUDGETS, seconds=1.5)
    assert (record.number, record.status, record.seconds) == (7, status, 1.5)
    assert said in record.reason
    assert bool(record.reason) == (status != "scored")
    assert "\n" not in record.reason


def test_a_failure_keeps_its_traceback_and_what_was_measured_before() -> None:
    attempt = Attempt(number=0, candidate=MEMBER.candidate, costs=FAST, error=an_error("it broke\nwith much to say"))
    record = attempt.record(BUDGETS)
    assert "with much to say" in record.details
    assert "Traceback" in record.details
    assert record.costs == FAST


def test_an_entrant_and_what_was_polished_are_remembered() -> None:
    attempt = Attempt(number=0, candidate=MEMBER.candidate, costs=FAST, score=0.9, entrant=True, polishes=MEMBER)
    record = attempt.record(BUDGETS)
    assert (record.entrant, record.polishes) == (True, 3)
