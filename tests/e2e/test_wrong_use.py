"""Wrong input gives one line that names the remedy, and exit code 2."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from search.cli.app import main
from tests.conftest import tiny_rows, write_csv
from tests.e2e.conftest import TINY_SPACE, Study, bertailor

Refused = Callable[..., str]

ONE_POINT = {
    "architecture": {"depth": 1, "layers": "first", "heads": 2, "ffn_size": 64, "hidden_size": 384},
    "compression": {"quantisation": "none"},
    "training": {"learning_rate": 1.0e-3, "epochs": 1, "batch_size": 16},
}


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must be refused, in this process and without a network, and returns its one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bertailor", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        lines = capsys.readouterr().err.strip().splitlines()
        assert ended.value.code == 2, lines
        assert len(lines) == 1, lines
        assert lines[0].startswith("error: ")
        return lines[0]

    return run


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"task": "nowhere.csv"}, "nowhere.csv"),
        ({"task": "movie-snipets"}, "did you mean 'movie-snippets'"),
        ({"task": {"path": "commands.csv", "text": "txt"}}, "no column 'txt'"),
        ({"task": {"path": "empty.csv"}}, "no row"),
        ({"task": {"path": "one-class.csv"}}, "at least two"),
        ({"task": {"name": "home-intents", "language": "klingon"}}, "no language 'klingon'"),
        ({"task": {"hub": "glue/sst2"}}, "network"),
        ({"backbone": "berd"}, "neither bundled"),
        ({"device": "this-machin"}, "did you mean 'this-machine'"),
        ({"space": "defualt"}, "did you mean 'default'"),
        ({"objectives": ["score"]}, "at least 2"),
        ({"objectives": ["score", "speed"]}, "objectives"),
        ({"budgets": {"latency": 3}}, "did you mean 'latency_ms'"),
        ({"budgets": {"latency_ms": -1}}, "greater than 0"),
        ({"budgets": {"size_mb": 1}}, "can't be met"),
        ({"trails": 4}, "did you mean 'trials'"),
        ({"time": "soon"}, "20m"),
        ({"sampler": "tpee"}, "sampler"),
        ({"name": "../elsewhere"}, "name"),
    ],
)
def test_a_study_file_that_is_wrong(
    keys: dict[str, Any], said: str, study: Study, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").write_text("text,label\n", encoding="utf-8")
    write_csv(tmp_path / "one-class.csv", [row for row in tiny_rows() if row[1] == "lights"])
    study(**keys)
    assert said in refused("search", "study.yaml")


def test_a_space_with_one_point(study: Study, refused: Refused, tmp_path: Path) -> None:
    study(choices=ONE_POINT)
    assert "one point" in refused("search", "study.yaml")


def test_broken_yaml(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("task: [home-intents\ntrials: 3\n", encoding="utf-8")
    assert "line 2" in refused("search", "study.yaml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "nothing.yaml"], "no study file"),
        (["search", "dmo"], "did you mean 'demo'"),
        (["search", "demo", "--set", "trials"], "key=value"),
        (["search", "demo", "--set", "budgets.latncy_ms=3"], "did you mean 'latency_ms'"),
        (["front", "nothing"], "no study 'nothing'"),
        (["export", "nothing", "--out", "out"], "no study 'nothing'"),
        (["verify", "."], "is no bundle"),
        (["predict", ".", "a text"], "is no bundle"),
        (["profile", "nothing"], "neither bundled"),
        (["ui"], "no study"),
    ],
)
def test_a_command_that_is_wrong(arguments: list[str], said: str, refused: Refused) -> None:
    assert said in refused(*arguments)


def test_a_port_that_is_taken(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "--port" in refused("ui", "--port", str(taken.getsockname()[1]))


def test_a_study_of_the_same_name_and_another_task_is_not_mixed_up(
    study: Study, refused: Refused, tmp_path: Path
) -> None:
    study(trials=1)
    assert bertailor("search", "study.yaml", cwd=tmp_path).returncode == 0
    study(trials=1, budgets={"size_mb": 500}, choices={**TINY_SPACE})
    assert "another budgets" in refused("search", "study.yaml")
