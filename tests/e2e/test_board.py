"""A board over ssh, from the search to the calibration, with the installed command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.boards import Board, running_board
from tests.conftest import tiny_rows, write_csv
from tests.e2e.conftest import SHORT, SMALL_SPACE, answered, bertailor, succeeded, write_yaml


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with running_board(tmp_path_factory.mktemp("board")) as running:
        yield running


@pytest.fixture(scope="module")
def searched(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that measured on the board."""
    folder = tmp_path_factory.mktemp("searched")
    device = board.device_file(folder, power_w=5, screen_after=6, budgets={"latency_ms": 500})
    keys: dict[str, Any] = {
        "name": "tiny",
        "task": str(write_csv(folder / "commands.csv", tiny_rows())),
        "space": str(write_yaml(folder / "space.yaml", SMALL_SPACE)),
        "backbone": "scratch",
        "device": str(device),
        "objectives": ["score", "latency_ms", "energy_mj"],
        "trials": 6,
        **SHORT,
    }
    write_yaml(folder / "study.yaml", keys)
    said = succeeded("search", "study.yaml", cwd=folder)
    assert "the predictions are off by" in said
    return folder


def test_the_front_was_measured_on_the_board(searched: Path, board: Board) -> None:
    front = answered("front", "tiny", cwd=searched)["front"]
    assert front
    assert all(member["energy_mj"] > 0 and not member["predicted"] for member in front)
    assert not [path for path in board.cache.iterdir() if path.is_dir()], "something was left there"


def test_a_winner_is_exported_and_verified_on_the_board(searched: Path, board: Board, tmp_path: Path) -> None:
    succeeded("export", "tiny", "--out", tmp_path / "bundle", cwd=searched)
    elsewhere = bertailor("verify", tmp_path / "bundle", cwd=searched)
    assert elsewhere.returncode == 2
    assert "was made for board, not for this machine: name it by --device" in elsewhere.stderr
    said = succeeded("verify", tmp_path / "bundle", "--device", "board.yaml", cwd=searched)
    assert "the device's answers" in said
    assert "between board and here" in said
    assert "budget latency_ms" in said
    assert "energy of a text (mJ)" in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")
    told = (tmp_path / "bundle" / "costs.json").read_text(encoding="utf-8")
    assert str(board.folder) not in told, "a bundle tells how to reach the board"


def test_models_are_profiled_there_side_by_side(searched: Path, board: Board) -> None:
    measured = answered("profile", "minilm-l6", "minilm-l6", "--device", "board.yaml", cwd=searched)["costs"]
    assert [(one["model"], one["kind"]) for one in measured] == [("minilm-l6", "fp32"), ("minilm-l6", "int8")]
    table = succeeded("profile", "minilm-l6", "--device", "board.yaml", "--compare", cwd=searched)
    assert "1.0x" in table


@pytest.mark.slow
def test_a_calibrated_board_is_predicted_and_said_to_be(searched: Path, tmp_path: Path) -> None:
    said = succeeded("calibrate", searched / "board.yaml", "--out", "board.calibration.yaml", cwd=tmp_path)
    assert "with a median error of" in said
    calibration = yaml.safe_load((tmp_path / "board.calibration.yaml").read_text(encoding="utf-8"))
    assert calibration["device"] == "board"
    assert len(calibration["points"]) > 8
    write_yaml(tmp_path / "far.yaml", {"name": "far", "kind": "scaled", "calibration": "board.calibration.yaml"})
    table = succeeded("profile", "minilm-l6", "--device", "far.yaml", cwd=tmp_path)
    assert "predicted" in table
    paths = {"task": str(searched / "commands.csv"), "space": str(searched / "space.yaml")}
    keys = {"name": "far", "backbone": "scratch", "device": "far.yaml", **paths}
    write_yaml(tmp_path / "study.yaml", {**keys, "trials": 2, **SHORT, "polish_epochs": 0})
    said = succeeded("search", "study.yaml", cwd=tmp_path)
    assert "(predicted)" in said
    assert "with predicted costs" in said
    succeeded("export", "far", "--out", "bundle", cwd=tmp_path)
    assert "Costs are predicted for" in (tmp_path / "bundle" / "README.md").read_text(encoding="utf-8")


def test_a_board_out_of_reach_is_refused_before_anything_is_spent(searched: Path, board: Board, tmp_path: Path) -> None:
    write_yaml(tmp_path / "away.yaml", {**board.keys, "host": "nowhere.invalid"})
    for command in (
        ("search", str(searched / "study.yaml"), "--set", "device=away.yaml", "--name", "away"),
        ("profile", "minilm-l6", "--device", "away.yaml"),
        ("calibrate", "away.yaml"),
    ):
        finished = bertailor(*command, cwd=tmp_path)
        assert finished.returncode == 2, finished.stdout
        assert finished.stderr.strip().splitlines()[-1].startswith("error: device board: nowhere.invalid: there is no")


def test_a_predicted_device_is_not_calibrated(tmp_path: Path) -> None:
    finished = bertailor("calibrate", "raspberry-pi-5", cwd=tmp_path)
    assert finished.returncode == 2
    assert "is itself predicted" in finished.stderr


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"power_w": "5 watts"}, "power_w"),
        ({"time_limit_s": "2m"}, "time_limit_s"),
        ({"budgets": {"memory_mb": "2 GB"}}, "budgets.memory_mb"),
        ({"host": None}, "host"),
        ({"kind": "usb"}, "kind"),
    ],
)
def test_a_device_file_with_a_wrong_value_is_refused(keys: dict[str, Any], said: str, tmp_path: Path) -> None:
    write_yaml(tmp_path / "board.yaml", {"name": "board", "kind": "ssh", "host": "board", **keys})
    finished = bertailor("profile", "minilm-l6", "--device", "board.yaml", cwd=tmp_path)
    assert finished.returncode == 2
    assert f"board.yaml: {said}:" in finished.stderr
