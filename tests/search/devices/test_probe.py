from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.devices import probe
from search.devices.probe import TextClassifier, batches, median_interval
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
        [sys.executable, "-I", "-c", f"import runpy; print(runpy.run_path({probe.__file__!r})['peak_memory_mb']())"],
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
