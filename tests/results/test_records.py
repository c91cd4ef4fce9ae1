from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from results.budgets import Budgets
from results.choosing import Standing
from results.costs import Costs
from results.records import Comparison, StudyRecord, TrialRecord, WarmUp
from spaces import Candidate


def a_study(name: str = "study", **changes: Any) -> StudyRecord:
    settings: dict[str, Any] = {
        "name": name,
        "task": "home-intents",
        "device": "this-machine",
        "n_trials": 8,
        "objectives": ("score", "latency_ms", "size_mb"),
        "budgets": Budgets(latency_ms=8, score=0.5),
        "settings": {"sampler": "tpe", "seed": "0"},
        "config_yaml": f"name: {name}\ntask: home-intents\n",
    }
    return StudyRecord(**{**settings, **changes})


def some_costs(latency_ms: float = 4.0, size_mb: float = 20.0, **others: Any) -> Costs:
    """What a device measured of an artefact, that nobody measured."""
    figures: dict[str, Any] = {
        "latency_p95_ms": latency_ms + 1,
        "latency_low_ms": latency_ms,
        "latency_high_ms": latency_ms,
        "steady": True,
        "load_ms": 50.0,
        "memory_mb": 300.0,
        "machine": "a board with two cores",
    }
    return Costs(latency_ms=latency_ms, size_mb=size_mb, **{**figures, **others})


def a_trial(number: int, score: float | None = 0.8, latency_ms: float = 4.0, **changes: Any) -> TrialRecord:
    """A trial that nobody ran, of a candidate that its number decides."""
    sizes = {"layers": [0, 5], "heads": [4, 4], "ffn_sizes": [64 + number] * 2, "hidden_size": 384}
    candidate = {
        "architecture": sizes,
        "compression": {"quantisation": "none"},
        "training": {"learning_rate": 1e-4, "epochs": 2, "batch_size": 16},
    }
    fields: dict[str, Any] = {
        "number": number,
        "candidate": Candidate.model_validate(candidate),
        "status": "scored",
        "costs": some_costs(latency_ms),
        "score": score,
        "seconds": 12.5,
    }
    return TrialRecord(**{**fields, **changes})


def changed(candidate: Candidate, **sections: dict[str, Any] | None) -> Candidate:
    """A candidate with other choices in some of its sections; a section that is None is left out."""
    raw = candidate.model_dump()
    for name, choices in sections.items():
        raw[name] = None if choices is None else {**raw[name], **choices}
    return Candidate.model_validate(raw)


def over_budget(number: int, latency_ms: float = 9.0) -> TrialRecord:
    reason = f"latency_ms {latency_ms:g} over 8"
    return a_trial(number, score=None, latency_ms=latency_ms, status="over-budget", reason=reason)


def failed(number: int) -> TrialRecord:
    return a_trial(
        number,
        score=None,
        status="failed",
        reason="MeasurementError: the artefact can't be run",
        costs=None,
        details="Traceback (most recent call last):\n  ...",
    )


def stopped(number: int) -> TrialRecord:
    reason = "after 2 reports its score 0.4000 is far below that of cheaper ones"
    return a_trial(number, score=None, curve=(0.25, 0.4), status="stopped", reason=reason)


def polished(number: int, of: int, score: float = 0.9, **changes: Any) -> TrialRecord:
    fields = {"candidate": a_trial(of).candidate, "curve": (0.5, score), **changes}
    return a_trial(number, score=score, polishes=of, **fields)


def worse(number: int, of: int) -> TrialRecord:
    reason = f"no better than the 0.8000 of #{of}, which keeps its weights"
    return polished(number, of, score=0.75, status="worse", reason=reason)


def a_warm_up(**changes: Any) -> WarmUp:
    curves = [
        (2, {"alone_loss": 0.75, "full_size_score": 0.5}),
        (4, {"alone_loss": 0.5, "full_size_score": 0.75}),
        (6, {"together_loss": 0.25, "full_size_score": 0.9375}),
    ]
    fields: dict[str, Any] = {"curves": curves, "score": 0.9375, "seconds": 90.0, "settings": {"epochs": "1"}}
    return WarmUp(**{**fields, **changes})


COMPARISON = Comparison(
    faster=2.5, smaller=1.75, score_gain=-0.015, low=-0.04, high=0.0125, full_score=0.9125, n_texts=400
)


@given(
    st.integers(0, 10**6),
    st.none() | st.floats(0, 1),
    st.none() | st.builds(some_costs, st.floats(0, 1e9), st.floats(0, 1e9), energy_mj=st.none() | st.floats(0, 1e9)),
    st.none() | st.integers(0, 10**6),
    st.none() | st.integers(0, 10**6),
    st.lists(st.floats(0, 1), max_size=5),
    st.text(),
)
def test_a_record_survives_json(
    number: int,
    score: float | None,
    costs: Costs | None,
    repeats: int | None,
    polishes: int | None,
    curve: list[float],
    reason: str,
) -> None:
    record = a_trial(
        number, score=score, costs=costs, repeats=repeats, polishes=polishes, curve=tuple(curve), reason=reason
    )
    assert TrialRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_a_record_of_version_0_1_is_read() -> None:
    raw = {
        "number": 3,
        "label": "2L 4H 67F 384W fp32",
        "candidate": a_trial(3).candidate.model_dump(mode="json"),
        "status": "scored",
        "reason": "",
        "costs": {**some_costs(2.5).figures, "steady": 0.0},
        "machine": "a board, büro",
        "score": 0.75,
        "curve": [0.5, 0.75],
        "baseline": True,
        "polishes": None,
        "seconds": 2.5,
        "details": "",
    }
    record = TrialRecord.from_dict(raw)
    assert record.costs == some_costs(2.5, steady=False, machine="a board, büro")
    assert (record.entrant, record.curve, record.label) == (True, (0.5, 0.75), "2L 4H 67F 384W fp32")
    failed_raw = {**raw, "costs": {}, "machine": "", "status": "failed", "score": None, "baseline": False}
    assert TrialRecord.from_dict(failed_raw).costs is None


def test_the_figures_are_the_costs_and_the_score_where_there_is_one() -> None:
    costs = some_costs(size_mb=3.0)
    assert a_trial(0, score=0.75, costs=costs).figures == {"score": 0.75, **costs.figures}
    assert a_trial(0, score=0.0, costs=None).figures == {"score": 0.0}
    assert a_trial(0, score=None, costs=costs).figures == costs.figures


def test_a_polished_version_is_labelled_as_one() -> None:
    assert polished(2, of=0).label == f"{a_trial(0).label} polished"


def test_studies_of_one_task_and_device_belong_together() -> None:
    assert a_study("one").experiment == a_study("other").experiment == "home-intents on this-machine"
    assert a_study("one", device="board").experiment != a_study("one").experiment


def test_the_outcome_says_how_a_trial_ended() -> None:
    trials = (a_trial(0), a_trial(1), over_budget(2), failed(3), a_trial(4, repeats=1))
    standing = Standing(trials=trials, front=(1,), recommended=1)
    assert [standing.outcome(trial) for trial in trials] == ["dominated", "front", "over-budget", "failed", "repeat"]


def test_a_trial_that_was_stopped_or_made_worse_says_so() -> None:
    trials = (a_trial(0), stopped(1), worse(2, of=0))
    standing = Standing(trials=trials, front=(0,), recommended=0)
    assert [standing.outcome(trial) for trial in trials] == ["front", "stopped", "worse"]


def test_a_polished_version_supersedes_the_trial_that_it_polishes_and_no_repeat_of_it() -> None:
    trials = (a_trial(0), a_trial(1, repeats=0), polished(2, of=0))
    standing = Standing(trials=trials, front=(2,), recommended=2, superseded=frozenset({0}))
    assert [standing.outcome(trial) for trial in trials] == ["superseded", "repeat", "front"]


def test_a_repeat_of_a_trial_over_budget_is_a_repeat() -> None:
    repeat = a_trial(5, score=None, status="over-budget", reason="latency_ms 9 over 8", repeats=2)
    assert Standing(trials=(over_budget(2), repeat)).outcome(repeat) == "repeat"


def test_the_members_are_in_the_order_of_the_front() -> None:
    standing = Standing(trials=(a_trial(0), a_trial(1), a_trial(2)), front=(2, 0), recommended=0)
    assert [member.number for member in standing.members] == [2, 0]
    assert standing.trial(1) == a_trial(1)
