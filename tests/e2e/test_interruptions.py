"""A study that is killed, stopped or fails in parts loses nothing that was finished."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow.tracking import MlflowClient

from results.records import TrialRecord
from search.sampling.store import StudyStore
from tests.e2e.conftest import COMMAND, TINY_SPACE, Study, answered, bertailor

SLOW_SPACE = {
    **TINY_SPACE,
    "training": {"learning_rate": {"low": 5.0e-4, "high": 2.0e-3}, "epochs": [3, 4], "batch_size": 2},
}
# Each trial trains; without pretrained weights the full-size model, an entrant, is no larger than the space.
TRAINING = {"strategy": "standalone", "backbone": "scratch"}
# Two layers as fp32 and as int8, and a single one.
N_ENTRANTS = 3

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command in the folder of the test; what still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen([COMMAND, *arguments], cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            kill_with_children(process, signal.SIGKILL)


def test_a_study_killed_in_the_middle_of_a_trial_resumes_and_finishes(
    study: Study, start: Start, tmp_path: Path
) -> None:
    n_trials = N_ENTRANTS + 2
    study(choices=SLOW_SPACE, trials=2, **TRAINING)
    process = start("search", "study.yaml")
    wait_until_in_a_trial(tmp_path, process, finished=N_ENTRANTS)
    kill_with_children(process, signal.SIGKILL)
    before = records(tmp_path)
    assert N_ENTRANTS <= len(before) < n_trials

    answer = answered("search", "study.yaml", cwd=tmp_path)

    after = records(tmp_path)
    assert after[: len(before)] == before
    assert len(after) == n_trials
    assert len({json.dumps(record["candidate"], sort_keys=True) for record in after}) == n_trials
    assert len(answer["front"]) >= 1
    runs = mlflow_runs(tmp_path)
    # The trials, the study, and what was cut off.
    assert sorted(runs.values()) == ["FINISHED"] * (n_trials + 1) + ["KILLED"]


@pytest.mark.slow
def test_an_entrant_that_was_cut_off_comes_again(study: Study, start: Start, tmp_path: Path) -> None:
    study(choices=SLOW_SPACE, trials=1, **TRAINING)
    process = start("search", "study.yaml")
    wait_until_in_a_trial(tmp_path, process, finished=0)
    kill_with_children(process, signal.SIGKILL)
    assert records(tmp_path) == []

    answered("search", "study.yaml", cwd=tmp_path)

    ended = records(tmp_path)
    labels = [TrialRecord.from_dict(record).label for record in ended if record["entrant"]]
    assert sorted(labels) == ["1L 4H 128F 384W int8", "2L 4H 128F 384W fp32", "2L 4H 128F 384W int8"]
    assert len(ended) == N_ENTRANTS + 1


@pytest.mark.slow
def test_a_study_killed_in_the_warm_up_begins_it_again_and_finishes(study: Study, start: Start, tmp_path: Path) -> None:
    study(trials=1)
    process = start("search", "study.yaml")
    wait_for_a_line(process, "warm-up, alone")
    kill_with_children(process, signal.SIGKILL)
    assert records(tmp_path) == []
    assert not list((tmp_path / "mlruns").glob("super-networks/*/model.safetensors"))

    answer = answered("search", "study.yaml", cwd=tmp_path)

    assert answer["front"]
    assert [record["number"] for record in records(tmp_path)][:6] == list(range(6))
    assert len(list((tmp_path / "mlruns").glob("super-networks/*/model.safetensors"))) == 1
    runs = mlflow_runs(tmp_path)
    assert set(runs.values()) == {"FINISHED"}
    assert [name.split()[0] for name in runs].count("super-network") == 1
    assert [name.split()[0] for name in runs].count("tiny") == 1


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(study: Study, start: Start, tmp_path: Path) -> None:
    n_trials = N_ENTRANTS + 4
    study(choices=SLOW_SPACE, trials=4, **TRAINING)
    process = start("search", "study.yaml")
    wait_until_in_a_trial(tmp_path, process, finished=N_ENTRANTS)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, output + errors
    assert "goes on from here" in output
    assert "Front of tiny" in output
    assert "Traceback" not in output + errors
    assert "RUNNING" not in mlflow_runs(tmp_path).values()
    before = records(tmp_path)

    answered("search", "study.yaml", cwd=tmp_path)

    assert records(tmp_path)[: len(before)] == before
    assert len(records(tmp_path)) == n_trials


def test_a_second_run_of_a_running_study_is_refused(study: Study, start: Start, tmp_path: Path) -> None:
    study(choices=SLOW_SPACE, trials=2, **TRAINING)
    process = start("search", "study.yaml")
    wait_until_in_a_trial(tmp_path, process, finished=0)
    second = bertailor("search", "study.yaml", cwd=tmp_path)
    kill_with_children(process, signal.SIGKILL)
    assert second.returncode == 2
    assert "another process" in second.stderr


@pytest.mark.slow
def test_a_trial_that_diverges_is_recorded_and_the_study_goes_on(study: Study, tmp_path: Path) -> None:
    diverging = {**TINY_SPACE["training"], "learning_rate": [1.0e30, 1.0e-3]}
    study(choices={**TINY_SPACE, "training": diverging}, trials=8, **TRAINING)
    answer = answered("search", "study.yaml", cwd=tmp_path)
    ended = records(tmp_path)
    failures = [record for record in ended if record["status"] == "failed"]
    assert len(ended) == 8 + N_ENTRANTS
    assert any(not record["entrant"] for record in failures)
    assert all("the loss became" in record["reason"] for record in failures)
    assert answer["front"]


def test_a_study_whose_first_trials_all_fail_gives_up(study: Study, tmp_path: Path) -> None:
    diverging = {**TINY_SPACE["training"], "learning_rate": [1.0e29, 1.0e30]}
    study(choices={**TINY_SPACE, "training": diverging}, trials=8, **TRAINING)
    finished = bertailor("search", "study.yaml", cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.strip().splitlines()[-1].startswith("error: the first 4 trials all failed")
    assert "Traceback" not in finished.stderr
    assert len(records(tmp_path)) == 4


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


def wait_for_a_line(process: subprocess.Popen[str], beginning: str) -> None:
    """Wait until the command prints a line that begins so."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return
    raise AssertionError(f"the command ended without a line '{beginning}...': {process.communicate()}")


def records(folder: Path) -> list[dict[str, Any]]:
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
