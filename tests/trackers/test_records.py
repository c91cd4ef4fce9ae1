from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trackers.records import Standing, StudyRecord, TrialRecord


def a_study(name: str = "study", **changes: Any) -> StudyRecord:
    settings: dict[str, Any] = {
        "name": name,
        "task": "home-intents",
        "device": "this-machine",
        "n_trials": 8,
        "objectives": ("score", "latency_ms", "size_mb"),
        "budgets": {"latency_ms": 8.0, "score": 0.5},
        "settings": {"sampler": "tpe", "seed": "0"},
        "config_yaml": f"name: {name}\ntask: home-intents\n",
    }
    return StudyRecord(**{**settings, **changes})


def a_trial(number: int, score: float | None = 0.8, latency_ms: float = 4.0, **changes: Any) -> TrialRecord:
    fields: dict[str, Any] = {
        "number": number,
        "label": f"2L 4H {64 + number}F fp32",
        "candidate": {
            "architecture": {"layers": [0, 5], "heads": [4, 4], "ffn_sizes": [64, 128], "hidden_size": 384},
            "compression": {"quantisation": "none"},
            "training": {"learning_rate": 1e-4, "epochs": 2, "batch_size": 16},
        },
        "status": "scored",
        "costs": {"latency_ms": latency_ms, "latency_p95_ms": latency_ms + 1, "memory_mb": 300.0, "size_mb": 20.0},
        "machine": "a board with two cores",
        "score": score,
        "seconds": 12.5,
    }
    return TrialRecord(**{**fields, **changes})


def over_budget(number: int, latency_ms: float = 9.0) -> TrialRecord:
    reason = f"latency_ms {latency_ms:g} over 8"
    return a_trial(number, score=None, latency_ms=latency_ms, status="over-budget", reason=reason)


def failed(number: int) -> TrialRecord:
    return a_trial(
        number,
        score=None,
        status="failed",
        reason="MeasurementError: the artefact can't be run",
        costs={},
        details="Traceback (most recent call last):\n  ...",
    )


@given(
    st.integers(0, 10**6),
    st.none() | st.floats(0, 1),
    st.dictionaries(st.sampled_from(["latency_ms", "memory_mb", "size_mb", "steady"]), st.floats(0, 1e9)),
    st.none() | st.integers(0, 10**6),
    st.text(),
)
def test_a_record_survives_json(
    number: int, score: float | None, costs: dict[str, float], repeats: int | None, reason: str
) -> None:
    record = a_trial(number, score=score, costs=costs, repeats=repeats, reason=reason)
    assert TrialRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_the_figures_are_the_costs_and_the_score_where_there_is_one() -> None:
    assert a_trial(0, score=0.75, costs={"size_mb": 3.0}).figures == {"score": 0.75, "size_mb": 3.0}
    assert a_trial(0, score=0.0, costs={}).figures == {"score": 0.0}
    assert a_trial(0, score=None, costs={"size_mb": 3.0}).figures == {"size_mb": 3.0}


def test_studies_of_one_task_and_device_belong_together() -> None:
    assert a_study("one").experiment == a_study("other").experiment == "home-intents on this-machine"
    assert a_study("one", device="board").experiment != a_study("one").experiment


def test_the_outcome_says_how_a_trial_ended() -> None:
    trials = (a_trial(0), a_trial(1), over_budget(2), failed(3), a_trial(4, repeats=1))
    standing = Standing(trials=trials, front=(1,), recommended=1)
    assert [standing.outcome(trial) for trial in trials] == ["dominated", "front", "over-budget", "failed", "repeat"]


def test_a_repeat_of_a_trial_over_budget_is_a_repeat() -> None:
    repeat = a_trial(5, score=None, status="over-budget", reason="latency_ms 9 over 8", repeats=2)
    assert Standing(trials=(over_budget(2), repeat)).outcome(repeat) == "repeat"


def test_the_members_are_in_the_order_of_the_front() -> None:
    standing = Standing(trials=(a_trial(0), a_trial(1), a_trial(2)), front=(2, 0), recommended=0)
    assert [member.number for member in standing.members] == [2, 0]
    assert standing.trial(1) == a_trial(1)
