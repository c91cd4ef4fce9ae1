from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from search.devices import probed
from search.devices.device import MeasurementError, OutOfMemoryError
from search.devices.probed import ProbedDevice, report_of
from search.runtime.report import Report
from tests.search.devices.reports import REPORT


class Board(ProbedDevice):
    """Gives one report, whatever is measured."""

    told: Report = REPORT

    def report(self, folder: Path, texts: Sequence[str], yardstick: Path) -> Report:
        return self.told


@pytest.fixture(autouse=True)
def _half_as_fast_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probed, "drift_of", lambda *_: 2.0)


def test_the_costs_are_what_the_report_says_without_the_drift(artifact: Path) -> None:
    costs = Board(name="board", power_w=5).measure(artifact, ["wake me"])
    assert (costs.latency_ms, costs.latency_low_ms, costs.latency_high_ms) == (6.0, 5.5, 6.5)
    assert (costs.latency_p95_ms, costs.latency_p99_ms) == (7.5, 8.0)
    assert (costs.undivided_ms, costs.drift, costs.load_ms, costs.throughput_per_s) == (12.5, 2.0, 30.0, 160.0)
    assert (costs.memory_mb, costs.pss_mb, costs.uss_mb, costs.runtime_mb) == (80.0, 70.0, 60.0, 50.0)
    assert (costs.energy_mj, costs.energy_estimated, costs.throttled) == (9.0, False, False)
    assert costs.machine == "a board, 4 cores"
    assert costs.logits == [[0.25, 0.75], [1.5, -1.5]]
    versions = {"python": "3.9", "onnxruntime": "1.19", "tokenizers": "0.22"}
    assert costs.conditions == {**versions, "governor": "ondemand", "throttle_count": 3, "energy": "rapl"}


def test_without_a_meter_energy_is_estimated_from_power_or_not_told(artifact: Path) -> None:
    silent = replace(REPORT, energy=None)
    estimated = Board(name="board", power_w=5, told=silent).measure(artifact, ["wake me"])
    assert (estimated.energy_mj, estimated.energy_estimated) == (30.0, True)
    unknown = Board(name="board", told=silent).measure(artifact, ["wake me"])
    assert (unknown.energy_mj, unknown.energy_estimated) == (None, None)
    assert unknown.conditions["energy"] == ""


def test_a_report_comes_back_as_it_was_sent() -> None:
    assert report_of(0, f"a greeting\n{json.dumps(asdict(REPORT))}\n", "and warnings") == REPORT


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"load_ms": None}, "load_ms"),
        ({"load_ms": "30"}, "load_ms"),
        ({"timing": {}}, "timing.latency_ms"),
        ({"timing": {**asdict(REPORT.timing), "steady": 1}}, "timing.steady"),
        ({"energy": {"energy_mj": 3.0}}, "energy.source"),
        ({"logits": [1.0]}, "logits.0"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_names_it(change: dict[str, Any], where: str) -> None:
    assert f"no report ({where}: " in refused(json.dumps({**asdict(REPORT), **change}))


@pytest.mark.parametrize("output", ["", "\n", "3", "[]", "bye", json.dumps(asdict(REPORT))[:100], "\x00\ufffd" * 500])
def test_what_is_no_report_is_an_error_in_one_line(output: str) -> None:
    message = refused(output)
    assert "\n" not in message
    assert len(message) < 500


def refused(output: str) -> str:
    with pytest.raises(MeasurementError) as caught:
        report_of(0, output, "")
    return str(caught.value)


@pytest.mark.parametrize(
    ("returncode", "errors", "kind", "said"),
    [
        (1, "Traceback:\n  ...\nValueError: no graph\n", MeasurementError, "can't be run: ValueError: no graph"),
        (1, "std::bad_alloc\n", OutOfMemoryError, "more memory than there is: std::bad_alloc"),
        (-9, "", OutOfMemoryError, "more memory than there is: no reason given"),
        (137, "Killed\n", OutOfMemoryError, "more memory than there is: Killed"),
        (-15, "", MeasurementError, "killed by signal 15"),
    ],
)
def test_how_a_process_ended_is_told(returncode: int, errors: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(MeasurementError, match=said) as caught:
        report_of(returncode, "", errors)
    assert type(caught.value) is kind
