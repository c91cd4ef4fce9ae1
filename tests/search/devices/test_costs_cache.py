from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.costs import Costs
from search.devices.costs_cache import CostsCache
from tests.results.test_records import some_costs

COSTS = some_costs(4.25, 23.7)
WHAT: dict[str, Any] = {
    "encoder": {"num_hidden_layers": 2, "layer_heads": [4, 8], "hidden_size": 384},
    "compression": {"quantisation": "none"},
    "device": {"name": "board", "threads": 1, "batch_size": 1},
    "texts": ("turn on the light", "set a timer"),
    "tokenizer": "0a1b",
}


class Meter:
    """Counts what is measured; each time is slower than the last."""

    def __init__(self, *, steady: bool = True) -> None:
        self.times, self.steady = 0, steady

    def __call__(self) -> Costs:
        self.times += 1
        return replace(COSTS, latency_ms=4.25 * self.times, steady=self.steady)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / "costs"


def test_the_same_is_measured_once(folder: Path) -> None:
    cache, meter = CostsCache(folder), Meter()
    assert [cache.costs(WHAT, meter) for _ in range(3)] == [COSTS] * 3
    assert meter.times == 1


def test_what_was_measured_is_known_to_every_later_study(folder: Path) -> None:
    CostsCache(folder).costs(WHAT, Meter())
    meter = Meter()
    assert CostsCache(folder).costs(dict(reversed(WHAT.items())), meter) == COSTS
    assert meter.times == 0


@pytest.mark.parametrize(
    "other",
    [
        {"encoder": {**WHAT["encoder"], "num_hidden_layers": 3}},
        {"encoder": {**WHAT["encoder"], "layer_heads": [8, 4]}},
        {"encoder": {**WHAT["encoder"], "hidden_size": 192}},
        {"compression": {"quantisation": "dynamic-int8"}},
        {"device": {**WHAT["device"], "name": "phone"}},
        {"device": {**WHAT["device"], "threads": 2}},
        {"texts": ("set a timer", "turn on the light")},
        {"texts": ("turn on the light",)},
        {"tokenizer": "0a1c"},
    ],
)
def test_anything_else_is_measured_anew_and_does_not_displace_it(folder: Path, other: dict[str, Any]) -> None:
    cache, meter = CostsCache(folder), Meter()
    first, second = cache.costs(WHAT, meter), cache.costs({**WHAT, **other}, meter)
    assert meter.times == 2
    assert first != second
    assert [cache.costs(WHAT, meter), cache.costs({**WHAT, **other}, meter)] == [first, second]
    assert meter.times == 2


def test_a_noisy_measurement_is_taken_and_not_kept(folder: Path) -> None:
    cache, noisy = CostsCache(folder), Meter(steady=False)
    latencies = [cache.costs(WHAT, noisy).latency_ms for _ in range(2)]
    assert latencies == [4.25, 8.5]
    steady = Meter()
    assert [cache.costs(WHAT, steady), cache.costs(WHAT, noisy)] == [COSTS, COSTS]
    assert (noisy.times, steady.times) == (2, 1)


def test_a_measurement_that_fails_is_tried_again(folder: Path) -> None:
    def fail() -> Costs:
        raise RuntimeError("the artefact can't be run")

    cache = CostsCache(folder)
    with pytest.raises(RuntimeError):
        cache.costs(WHAT, fail)
    assert cache.costs(WHAT, Meter()) == COSTS


def test_half_a_file_of_a_killed_process_is_not_taken_for_costs(folder: Path) -> None:
    CostsCache(folder).costs(WHAT, Meter())
    (path,) = folder.iterdir()
    path.with_suffix(".part").write_text(path.read_text(encoding="utf-8")[:20], encoding="utf-8")
    path.unlink()
    meter = Meter()
    assert CostsCache(folder).costs(WHAT, meter) == COSTS
    assert meter.times == 1


@given(st.floats(1e-3, 1e4), st.floats(1e-3, 1e4), st.text())
def test_costs_come_back_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, latency_ms: float, size_mb: float, machine: str
) -> None:
    cache = CostsCache(tmp_path_factory.mktemp("costs"))
    costs = replace(COSTS, latency_ms=latency_ms, size_mb=size_mb, machine=machine)
    assert cache.costs(WHAT, lambda: costs) == costs
    assert cache.costs(WHAT, Meter()) == costs


def test_the_files_can_be_read_by_others(folder: Path) -> None:
    CostsCache(folder).costs(WHAT, Meter())
    (path,) = folder.glob("*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["latency_ms"] == 4.25
