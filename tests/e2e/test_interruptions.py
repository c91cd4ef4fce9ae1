"""A study that is killed, stopped or fails in parts loses nothing that was finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
from mlflow.tracking import MlflowClient

from search.store import StudyStore
from tests.e2e.conftest import COMMAND, TINY_SPACE, Study, answered, bertailor

SLOW_SPACE = {
    **TINY_SPACE,
    "training": {"learning_rate": {"low": 5.0e-4, "high": 2.0e-3}, "epochs": [12, 13], "batch_size": 2},
}


def test_a_study_killed_in_the_middle_of_a_trial_resumes_and_finishes(study: Study, tmp_path: Path) -> None:
    study(choices=SLOW_SPACE, trials=3)
    process = start("search", "study.yaml", cwd=tmp_path)
    wait_until_in_a_trial(tmp_path, process, finished=1)
    kill_with_children(process, signal.SIGKILL)
    before = records(tmp_path)
    assert 1 <= len(before) < 3

    answer = answered("search", "study.yaml", cwd=tmp_path)

    after = records(tmp_path)
    assert after[: len(before)] == before
    assert len(after) == 3
    assert len({json.dumps(record["candidate"], sort_keys=True) for record in after}) == 3
    assert len(answer["front"]) >= 1
    runs = mlflow_runs(tmp_path)
    assert sorted(runs.values()) == ["FINISHED"] * 4 + ["KILLED"]  # three trials, the study, and what was cut off


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(study: Study, tmp_path: Path) -> None:
    study(choices=SLOW_SPACE, trials=3)
    process = start("search", "study.yaml", cwd=tmp_path)
    wait_until_in_a_trial(tmp_path, process, finished=1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on from here" in output
    assert "Front of tiny" in output
    assert "Traceback" not in output + errors
    assert "RUNNING" not in mlflow_runs(tmp_path).values()
    before = records(tmp_path)

    answered("search", "study.yaml", cwd=tmp_path)

    assert records(tmp_path)[: len(before)] == before
    assert len(records(tmp_path)) == 3


def test_a_second_run_of_a_running_study_is_refused(study: Study, tmp_path: Path) -> None:
    study(choices=SLOW_SPACE, trials=2)
    process = start("search", "study.yaml", cwd=tmp_path)
    wait_until_in_a_trial(tmp_path, process, finished=0)
    second = bertailor("search", "study.yaml", cwd=tmp_path)
    kill_with_children(process, signal.SIGKILL)
    assert second.returncode == 2
    assert "another process" in second.stderr


def test_a_trial_that_diverges_is_recorded_and_the_study_goes_on(study: Study, tmp_path: Path) -> None:
    diverging = {**TINY_SPACE["training"], "learning_rate": [1.0e-3, 1.0e30]}
    study(choices={**TINY_SPACE, "training": diverging}, trials=8)
    answer = answered("search", "study.yaml", cwd=tmp_path)
    ended = records(tmp_path)
    failures = [record for record in ended if record["status"] == "failed"]
    assert len(ended) == 8
    assert failures
    assert all("the loss became" in record["reason"] for record in failures)
    assert answer["front"]


def test_a_study_whose_first_trials_all_fail_gives_up(study: Study, tmp_path: Path) -> None:
    diverging = {**TINY_SPACE["training"], "learning_rate": [1.0e29, 1.0e30]}
    study(choices={**TINY_SPACE, "training": diverging}, trials=8)
    finished = bertailor("search", "study.yaml", cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.strip().splitlines()[-1].startswith("error: the first 4 trials all failed")
    assert "Traceback" not in finished.stderr
    assert len(records(tmp_path)) == 4


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start the command in a group of its own."""
    return subprocess.Popen(
        [COMMAND, *arguments], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )


def wait_until_in_a_trial(folder: Path, process: subprocess.Popen[str], finished: int) -> None:
    """Wait until some trials are finished and the next has its artefact, so that it is in training."""
    trials = folder / "mlruns" / "studies" / "tiny" / "trials"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if (trials / f"{finished:04d}" / "model.onnx").is_file() and len(records(folder)) >= finished:
            time.sleep(1)
            return
        time.sleep(0.2)
    raise AssertionError("the study did not get so far within five minutes")


def records(folder: Path) -> list[dict[str, object]]:
    """What the store has of the finished trials."""
    store = StudyStore(folder / "mlruns", "tiny")
    return [record.to_dict() for record in store.records()] if (store.folder / "journal.log").is_file() else []


def mlflow_runs(folder: Path) -> dict[str, str]:
    """The status of every run, by its name and id."""
    client = MlflowClient(f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return {f"{run.info.run_name} {run.info.run_id}": run.info.status for run in client.search_runs(ids)}


def kill_with_children(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal to a process, and to its children, as a machine that goes down would."""
    for child in psutil.Process(process.pid).children(recursive=True):
        child.send_signal(number)
    process.send_signal(number)
    process.communicate(timeout=30)
