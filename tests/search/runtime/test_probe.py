from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.runtime import probe
from search.runtime.probe import TextClassifier, batches, median_interval
from tests.search.conftest import FinishedTrial

TIMES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200)

RUN_AND_LIST_MODULES = """
import runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@given(TIMES)
def test_the_interval_encloses_the_median_and_has_measured_ends(times: list[float]) -> None:
    low, high = median_interval(times)
    assert low <= statistics.median(times) <= high
    assert {low, high} <= set(times)


@given(TIMES)
def test_the_order_of_the_times_makes_no_difference(times: list[float]) -> None:
    assert median_interval(times) == median_interval(times[::-1])


@given(TIMES, st.floats(0.5, 4))
def test_the_interval_scales_with_the_times(times: list[float], factor: float) -> None:
    low, high = median_interval(times)
    assert median_interval([factor * time for time in times]) == (factor * low, factor * high)


@given(st.floats(0.001, 1e6), st.integers(1, 100))
def test_times_that_are_all_the_same_leave_no_interval(time: float, n: int) -> None:
    assert median_interval([time] * n) == (time, time)


@given(st.integers(20, 200))
def test_one_outlier_does_not_move_the_interval_of_many(n: int) -> None:
    times = [float(i) for i in range(n)]
    low, high = median_interval(times)
    assert median_interval([*times[:-1], 1e9]) == (low, high)


def test_six_times_are_needed_and_all_of_them_are_the_interval() -> None:
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)


def test_the_interval_encloses_the_true_median_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    for n in (10, 30, 100):
        hits = 0
        for _ in range(2000):
            low, high = median_interval(rng.exponential(size=n).tolist())
            hits += low <= np.log(2) <= high
        assert hits / 2000 > 0.93, n


@given(st.lists(st.text(max_size=3), max_size=30), st.integers(1, 10))
def test_batches_hold_every_text_in_order_and_only_the_last_is_smaller(texts: list[str], batch_size: int) -> None:
    parts = list(batches(texts, batch_size))
    assert [text for part in parts for text in part] == texts
    assert all(len(part) == batch_size for part in parts[:-1])
    assert all(1 <= len(part) <= batch_size for part in parts)


def test_a_text_is_answered_alike_alone_and_beside_longer_ones(finished_trial: FinishedTrial) -> None:
    classifier = TextClassifier(finished_trial.folder, threads=1)
    texts = ["no", "turn on the kitchen light please", "", "start a timer for twenty minutes and then another one"]
    alone = np.concatenate([classifier.logits([text]) for text in texts])
    np.testing.assert_allclose(classifier.logits(texts), alone, atol=1e-4)


@pytest.fixture(scope="module")
def run_by_path(finished_trial: FinishedTrial) -> tuple[dict[str, Any], set[str]]:
    """What the probe reports as a process of its own, and what it has imported by then."""
    request = {
        "folder": str(finished_trial.folder),
        "texts": ["turn on the light", "wake me"],
        "threads": 1,
        "batch_size": 1,
        "time_limit_s": 0.1,
    }
    finished = subprocess.run(
        [sys.executable, "-I", "-c", RUN_AND_LIST_MODULES, probe.__file__],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    report, *modules = finished.stdout.splitlines()
    return json.loads(report), set(modules)


def test_the_process_imports_only_what_a_deployment_would(run_by_path: tuple[dict[str, Any], set[str]]) -> None:
    _, modules = run_by_path
    assert {"onnxruntime", "tokenizers", "numpy"} <= modules
    assert not modules & {"torch", "transformers", "search", "spaces", "trackers", "sklearn", "pandas", "onnx"}


def test_the_memory_is_the_process_s_own(run_by_path: tuple[dict[str, Any], set[str]]) -> None:
    report, _ = run_by_path
    assert 20 < report["memory_mb"] < 400


def test_the_memory_of_a_large_parent_is_not_counted(run_by_path: tuple[dict[str, Any], set[str]]) -> None:
    weight = np.ones(120_000_000)
    finished = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import runpy; print(runpy.run_path({probe.__file__!r})['memory_mb']()['memory_mb'])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert weight.nbytes / 1e6 > 900
    assert float(finished.stdout) < 400


def test_only_full_batches_are_timed(finished_trial: FinishedTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    logits = TextClassifier.logits

    def counted(self: TextClassifier, texts: list[str]) -> np.ndarray:
        sizes.append(len(texts))
        return logits(self, texts)

    monkeypatch.setattr(TextClassifier, "logits", counted)
    texts = ["turn on the light", "set a timer", "wake me"]
    request = {"folder": str(finished_trial.folder), "texts": texts, "threads": 1, "time_limit_s": 0.1}
    report = probe.measure({**request, "batch_size": 2})
    assert set(sizes) == {2}
    assert report["machine"]


class Clock:
    """A clock that only moves when something is run; everything takes ``slowness`` times as long."""

    def __init__(self) -> None:
        self.now, self.slowness, self.runs = 0.0, 1.0, 0

    def perf_counter(self) -> float:
        return self.now

    def run(self, request: float) -> None:
        self.now += request * self.slowness

    def reference(self) -> None:
        self.now += 0.001 * self.slowness
        self.runs += 1
        # Up to three times as slow, for a few rounds.
        self.slowness = 1.0 + (self.runs // (7 * probe.REFERENCE_RUNS)) % 3


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(probe.time, "perf_counter", clock.perf_counter)
    return clock


def test_what_slows_the_reference_alike_is_divided_out(clock: Clock) -> None:
    requests = [0.004, 0.005, 0.006]
    timing = probe.timed(clock.run, requests, clock.reference, time_limit_s=60)
    assert timing["steady"]
    assert timing["latency_ms"] / timing["reference_ms"] == pytest.approx(5)
    assert timing["latency_low_ms"] == pytest.approx(timing["latency_high_ms"])


def test_without_a_reference_the_times_are_as_they_are(clock: Clock) -> None:
    timing = probe.timed(clock.run, [0.004, 0.005, 0.006], None, time_limit_s=60)
    assert timing["latency_ms"] == pytest.approx(5)
    assert timing["latency_p99_ms"] == pytest.approx(6, rel=0.01)
    assert "reference_ms" not in timing


def a_system(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="ascii")
    return folder


def test_the_state_is_what_the_system_tells(tmp_path: Path) -> None:
    system = a_system(
        tmp_path,
        {
            "devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
            "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4\n",
            "class/thermal/thermal_zone0/temp": "48500\n",
            "class/thermal/thermal_zone1/temp": "51250\n",
            "devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        },
    )
    told = probe.state(system)
    assert told == {"governor": "ondemand", "celsius": 51.25, "throttle_count": 7, "throttled_flags": "50005"}
    assert probe.state(tmp_path / "nothing") == {}


@pytest.mark.parametrize(
    ("before", "after", "throttled"),
    [
        ({"throttle_count": 3}, {"throttle_count": 3}, {"throttled": False}),
        ({"throttle_count": 3}, {"throttle_count": 4}, {"throttled": True}),
        ({}, {"throttled_flags": "50000"}, {"throttled": False}),  # it was, earlier
        ({}, {"throttled_flags": "50004"}, {"throttled": True}),
        ({}, {"governor": "ondemand"}, {}),
    ],
)
def test_heat_is_told_where_the_system_tells_it(before: Any, after: Any, throttled: dict[str, bool]) -> None:
    assert probe.slowed(before, after) == throttled


ZONE = "class/powercap/intel-rapl:0"


@pytest.fixture
def metered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose first counter is a package's, and whose second counts the same again."""
    monkeypatch.setattr(probe, "ENERGY_S", (0.01, 0.02))
    files = {f"{ZONE}/name": "package-0\n", f"{ZONE}/energy_uj": "1000000\n"}
    return a_system(tmp_path, {**files, "class/powercap/intel-rapl:1/name": "psys\n"})


def test_the_packages_counters_tell_energy(metered: Path) -> None:
    def run() -> int:
        (metered / ZONE / "energy_uj").write_text("3000000\n", encoding="ascii")
        time.sleep(0.1)
        return 8

    assert probe.energy_of(run, None, metered) == {"energy_mj": 250.0, "energy_source": "rapl"}
    assert probe.energy_of(run, None, metered / "nothing") == {}


def test_a_counter_that_wrapped_around_is_read_again(metered: Path) -> None:
    readings = iter(["500000", "1500000"])

    def run() -> int:
        (metered / ZONE / "energy_uj").write_text(next(readings), encoding="ascii")
        time.sleep(0.1)
        return 8

    assert probe.energy_of(run, None, metered) == {"energy_mj": 125.0, "energy_source": "rapl"}


def test_a_counter_that_stands_still_tells_nothing(metered: Path) -> None:
    assert probe.energy_of(lambda: 8, None, metered) == {}
