"""Wrong input gives one line that names the remedy, and exit code 2."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from search.cli.app import main
from search.sampling.store import StudyStore
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
        ({"unlabelled": "nowhere.txt"}, "nowhere.txt"),
        ({"unlabelled": "blank.txt"}, "no text"),
        ({"unlabelled": "sentences.csv"}, "no column 'text'"),
        ({"strategy": "scratch"}, "supernet"),
        ({"warm_up_epochs": 0}, "warm_up_epochs"),
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
    (tmp_path / "blank.txt").write_text("\n  \n", encoding="utf-8")
    (tmp_path / "sentences.csv").write_text("sentence\ndim the lamp\n", encoding="utf-8")
    write_csv(tmp_path / "one-class.csv", [row for row in tiny_rows() if row[1] == "lights"])
    study(**keys)
    assert said in refused("search", "study.yaml")


def test_a_space_with_one_point(study: Study, refused: Refused, tmp_path: Path) -> None:
    study(choices=ONE_POINT)
    assert "one point" in refused("search", "study.yaml")


def test_a_space_wider_than_the_backbone(study: Study, refused: Refused, tmp_path: Path) -> None:
    study(choices={**TINY_SPACE, "architecture": {**TINY_SPACE["architecture"], "hidden_size": [384, 512]}})
    assert "hidden_size: 512 is more than the backbone's 384" in refused("search", "study.yaml")


def test_a_space_that_is_only_a_choice_of_training_under_a_super_network(study: Study, refused: Refused) -> None:
    study(choices={**ONE_POINT, "training": TINY_SPACE["training"]})
    assert "one point" in refused("search", "study.yaml")


def test_a_space_without_a_training_for_candidates_that_train(study: Study, refused: Refused) -> None:
    study(choices={key: TINY_SPACE[key] for key in ("architecture", "compression")}, strategy="standalone")
    assert "no section 'training'" in refused("search", "study.yaml")


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
        (["ui", "nothing"], "no study 'nothing'"),
        (["report", "nothing"], "no study 'nothing'"),
        (["search", "demo", "--set", "tracking.uri=here"], "tracking.uri"),
        (["search", "demo", "--set", "tracking.uri=http://127.0.0.1:9"], "does not answer: start it, or correct"),
        (["search", "demo", "--set", "tracking.uri=postgresql://me:pw@127.0.0.1:9/x"], "me:***@127.0.0.1:9/x can't be"),
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


def test_a_store_of_another_mlflow(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    with sqlite3.connect(tmp_path / "mlruns" / "mlflow.db") as database:
        database.execute("create table alembic_version (version_num varchar(32) not null)")
        database.execute("insert into alembic_version values ('from_the_future')")
        database.execute("create table experiments (experiment_id integer)")
    assert "made by another version of MLflow" in refused("ui")


def test_a_study_whose_task_or_super_network_was_changed(study: Study, refused: Refused, tmp_path: Path) -> None:
    study(trials=1, polish_epochs=0)
    assert bertailor("search", "study.yaml", cwd=tmp_path).returncode == 0
    assert "another budgets" in refused("search", "study.yaml", "--set", "budgets.size_mb=500")
    assert "another warm_up_epochs" in refused("search", "study.yaml", "--set", "warm_up_epochs=2")

    (weights,) = tmp_path.glob("mlruns/super-networks/*/model.safetensors")
    whole = weights.read_bytes()
    for changed in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[: len(whole) // 2]):
        weights.write_bytes(changed)
        assert str(weights.parent.relative_to(tmp_path)) in refused("search", "study.yaml", "--trials", "2")
    members = StudyStore(tmp_path / "mlruns", "tiny").records()
    weights.write_bytes(whole)
    shutil.rmtree(tmp_path / "mlruns" / "studies" / "tiny" / "trials")
    shutil.rmtree(weights.parent)
    said = refused("export", "tiny", "--out", "bundle", "--trial", str(members[0].number))
    assert "`bertailor search`" in said
    assert not (tmp_path / "bundle").exists()
