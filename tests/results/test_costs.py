from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from pydantic import TypeAdapter, ValidationError

from results.costs import Costs

COSTS = Costs(
    latency_ms=4.0,
    latency_p95_ms=6.0,
    latency_p99_ms=8.0,
    latency_low_ms=3.5,
    latency_high_ms=4.5,
    steady=True,
    undivided_ms=5.0,
    drift=1.25,
    throughput_per_s=250.0,
    load_ms=30.0,
    memory_mb=80.0,
    pss_mb=70.0,
    runtime_mb=50.0,
    size_mb=12.0,
    energy_mj=20.0,
    energy_estimated=False,
    throttled=False,
    machine="a board",
    conditions={"python": "3.9", "throttle_count": 3},
    logits=[[0.5, -0.5]],
)
SAVED = TypeAdapter(Costs)


@pytest.mark.parametrize("costs", [COSTS, replace(COSTS, predicted=True, energy_mj=None, energy_estimated=None)])
def test_costs_come_back_from_json(costs: Costs) -> None:
    assert SAVED.validate_json(SAVED.dump_json(costs)) == costs
    assert SAVED.validate_json(json.dumps(asdict(costs))) == costs


def test_figures_alone_are_costs_whose_flags_were_numbers() -> None:
    read = SAVED.validate_python({**COSTS.figures, "machine": "a board"})
    assert read == replace(COSTS, conditions={}, logits=[])
    assert read.steady is True
    assert read.throttled is False


@pytest.mark.parametrize("wrong", [{"latency_ms": "fast"}, {"steady": 0.5}, {"size_mb": None}])
def test_what_are_no_costs_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SAVED.validate_python({**asdict(COSTS), **wrong})


def test_figures_are_what_is_known_and_a_number() -> None:
    figures = replace(COSTS, energy_mj=None, energy_estimated=None).figures
    assert figures["latency_ms"] == 4.0
    assert (figures["steady"], figures["throttled"], figures["predicted"]) == (1.0, 0.0, 0.0)
    assert not figures.keys() & {"energy_mj", "energy_estimated", "fits", "machine", "conditions", "logits"}


def test_elsewhere_all_times_scale_and_what_is_not_known_there_is_left_out() -> None:
    there = COSTS.elsewhere(latency_ms=40.0, memory_mb=100.0, energy_mj=None, machine="a slow board")
    assert (there.latency_p95_ms, there.latency_p99_ms, there.load_ms, there.throughput_per_s) == (60, 80, 300, 25)
    assert (there.latency_low_ms, there.latency_high_ms) == (35, 45)
    assert (there.undivided_ms, there.drift, there.pss_mb, there.runtime_mb, there.energy_mj) == (None,) * 5
    assert (there.memory_mb, there.size_mb, there.predicted, there.energy_estimated) == (100, 12, True, None)
    assert there.machine == "predicted for a slow board, from a measurement on a board"
