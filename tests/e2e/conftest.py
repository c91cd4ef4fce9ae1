"""Runs the installed command as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def bertailor(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, and wait for it."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "160", **(env or {})},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def succeeded(*arguments: str | Path, cwd: Path) -> str:
    """Run the command, which must succeed, and return what it printed."""
    finished = bertailor(*arguments, cwd=cwd)
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


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study called tiny and its bundle."""
    return finish_a_study(tmp_path_factory.mktemp("finished"), trials=5, **SHORT)


def finish_a_study(folder: Path, **keys: Any) -> Path:
    """Run a study called tiny in a folder, and export its winner there."""
    write_csv(folder / "commands.csv", tiny_rows())
    write_yaml(folder / "space.yaml", TINY_SPACE)
    budgets = {"latency_ms": 500, "memory_mb": 2000}
    study = {"name": "tiny", "task": "commands.csv", "space": "space.yaml", "budgets": budgets, **keys}
    write_yaml(folder / "study.yaml", study)
    succeeded("search", "study.yaml", cwd=folder)
    succeeded("export", "tiny", "--out", "bundle", cwd=folder)
    return folder
