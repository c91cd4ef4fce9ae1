from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.runtime import timing
from search.runtime.timing import median_interval, timed

TIMES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200)


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


class Clock:
    """A clock that only moves when something is run; everything takes ``slowness`` times as long."""

    def __init__(self) -> None:
        self.now, self.slowness, self.runs = 0.0, 1.0, 0

    def perf_counter(self) -> float:
        return self.now

    def run(self, request: float) -> None:
        self.now += request * self.slowness

    def yardstick(self) -> None:
        self.now += 0.001 * self.slowness
        self.runs += 1
        # Up to three times as slow, for a few rounds.
        self.slowness = 1.0 + (self.runs // (7 * timing.YARDSTICK_RUNS)) % 3


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", clock.perf_counter)
    return clock


def test_what_slows_the_yardstick_alike_is_divided_out(clock: Clock) -> None:
    requests = [0.004, 0.005, 0.006]
    told = timed(clock.run, requests, clock.yardstick, time_limit_s=60)
    assert told.steady
    assert told.latency_ms / told.yardstick_ms == pytest.approx(5)
    assert told.latency_low_ms == pytest.approx(told.latency_high_ms)


def test_without_a_yardstick_the_times_are_as_they_are(clock: Clock) -> None:
    told = timed(clock.run, [0.004, 0.005, 0.006], None, time_limit_s=60)
    assert told.latency_ms == pytest.approx(5)
    assert told.latency_p99_ms == pytest.approx(6, rel=0.01)
    assert told.yardstick_ms is None
