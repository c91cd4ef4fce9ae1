from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.ports import free_port
from trackers.errors import TrackingError
from trackers.mlflow.store import connect, embedded_uri, shown, tracking_uri
from trackers.mlflow.tracker import MlflowTracker


def test_the_study_file_comes_before_the_environment_and_that_before_the_embedded_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracking_uri(tmp_path) == embedded_uri(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking_uri(tmp_path) == "http://elsewhere:5000"
    assert tracking_uri(tmp_path, "postgresql://board/mlflow") == "postgresql://board/mlflow"


def test_a_password_is_not_shown() -> None:
    assert shown("postgresql://me:secret@host:5432/mlflow") == "postgresql://me:***@host:5432/mlflow"
    assert shown("http://host:5000") == "http://host:5000"


def test_a_store_of_a_newer_mlflow_is_refused_with_the_remedy(tmp_path: Path) -> None:
    MlflowTracker(tmp_path / "old")
    newer = tmp_path / "newer"
    newer.mkdir()
    shutil.copyfile(tmp_path / "old" / "mlflow.db", newer / "mlflow.db")
    with sqlite3.connect(newer / "mlflow.db") as database:
        database.execute("update alembic_version set version_num = 'from_the_future'")
    with pytest.raises(TrackingError, match="made by another version of MLflow: install the newest"):
        connect(embedded_uri(newer))


def test_a_server_that_does_not_answer_is_said_so() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TrackingError, match=f"{address} does not answer: start it, or correct tracking.uri"):
        connect(address)


def test_an_address_of_no_known_kind_is_refused() -> None:
    with pytest.raises(TrackingError, match=r"correct tracking\.uri or MLFLOW_TRACKING_URI"):
        connect("gopher://somewhere")
