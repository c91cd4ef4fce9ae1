"""Runs the command as a user would: where the process itself is no matter, in the process of the tests."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock

from search.cli.app import main
from tests.conftest import tiny_rows, write_csv

COMMAND = Path(sys.executable).with_name("bertailor")

# Candidates that train on eighty sentences in a second.
TINY_SPACE: dict[str, dict[str, Any]] = {
    "architecture": {
        "depth": [1, 2],
        "layers": "first",
        "heads": [2, 4],
        "ffn_size": [64, 128],
        "hidden_size": [192, 384],
    },
    "compression": {"quantisation": ["none", "dynamic-int8"]},
    "training": {"learning_rate": {"low": 5.0e-4, "high": 2.0e-3}, "epochs": 1, "batch_size": 16},
}

# A super-network in half a minute.
SHORT = {"warm_up_epochs": 1, "polish_epochs": 1}
# Of a pretrained backbone: at full size as fp32 and as int8, and with two thirds, half and a third of its layers.
N_ENTRANTS = 5

Study = Callable[..., Path]


@dataclass(frozen=True)
class Finished:
    """A command that has ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def bertailor(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Finished:
    """Run the command in a folder, and wait for it: in this process, where what it imports is there already."""
    stdout, stderr, on_stop = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, chdir(cwd), redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setattr(sys, "argv", ["bertailor", *map(str, arguments)])
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    signal.signal(signal.SIGTERM, on_stop)
    return Finished(int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue())


def succeeded(*arguments: str | Path, cwd: Path) -> str:
    """Run the command, which must succeed, and return what it printed."""
    finished = bertailor(*arguments, cwd=cwd)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def installed(*arguments: str | Path, cwd: Path) -> str:
    """The same, by the installed command in a process of its own."""
    command = [COMMAND, *map(str, arguments)]
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=900, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def answered(*arguments: str | Path, cwd: Path) -> Any:
    """The JSON that a command prints."""
    return json.loads(succeeded(*arguments, "--json", cwd=cwd))


def write_yaml(path: Path, value: object) -> Path:
    """Write a YAML file."""
    path.write_text(yaml.safe_dump(value, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture
def study(tmp_path: Path, tiny_csv: Path) -> Study:
    """Writes a study file of the tiny task and space, with other keys as given."""

    def write(choices: Mapping[str, Any] | None = None, **keys: Any) -> Path:
        space_file = write_yaml(tmp_path / "space.yaml", choices or TINY_SPACE)
        defaults = {"name": "tiny", "task": str(tiny_csv), "space": str(space_file), "trials": 4, **SHORT}
        return write_yaml(tmp_path / "study.yaml", {**defaults, **keys})

    return write


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study called tiny and its bundle, one for all processes that run tests.

    The tests of one file may run, export and register more there; others look at ``snapshot``.
    """
    folder = shared_folder(tmp_path_factory)
    with FileLock(folder / "lock"):
        if not (folder / "snapshot").is_dir():
            finish_a_study(folder / "study")
            # Small beside the weights, and all that the commands which look at a study read of it.
            weights = shutil.ignore_patterns("trials", "super-networks", "artifacts")
            shutil.copytree(folder / "study", folder / "part", ignore=weights)
            (folder / "part").rename(folder / "snapshot")
    return folder / "study"


@pytest.fixture(scope="session")
def snapshot(finished: Path) -> Path:
    """The study as it was finished, for those who look at it and its bundle, and change nothing."""
    return finished.with_name("snapshot")


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of pytest, which lasts as long; each process of pytest-xdist has one of its own in it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def finish_a_study(folder: Path) -> None:
    """Run a study called tiny in a folder by the installed command, and export its winner there."""
    folder.mkdir()
    write_csv(folder / "commands.csv", tiny_rows())
    write_yaml(folder / "space.yaml", TINY_SPACE)
    budgets = {"latency_ms": 500, "memory_mb": 2000}
    files = {"task": "commands.csv", "space": "space.yaml"}
    write_yaml(folder / "study.yaml", {"name": "tiny", **files, "budgets": budgets, "trials": 5, **SHORT})
    installed("search", "study.yaml", cwd=folder)
    installed("export", "tiny", "--out", "bundle", cwd=folder)
