"""What many tests share: tiny real inputs, and a cache and a store of their own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

# Real sentences of two kinds that a tiny model can tell apart.
LIGHTS = ["turn on the {} light", "switch the {} lamp on", "light up the {}", "please turn the {} lights on"]
TIMERS = ["set a timer for {} minutes", "start a {} minute timer", "remind me in {} minutes", "wake me in {} minutes"]
ROOMS = ["kitchen", "bedroom", "hallway", "garage", "office", "attic", "cellar", "bathroom", "garden", "nursery"]


@pytest.fixture(autouse=True, scope="session")
def nowhere_else() -> Iterator[None]:
    """Tests record where they say, whatever server this machine's user has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


def shared_data(name: str) -> Path:
    """A folder of the shared real data; the test is skipped where it isn't there."""
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs the real data set {name} in ../shared/data")
    return folder


def tiny_rows() -> list[tuple[str, str]]:
    """Eighty sentences with the label `lights` or `timers`."""
    lights = [(text.format(room), "lights") for text in LIGHTS for room in ROOMS]
    timers = [(text.format(number), "timers") for text in TIMERS for number in range(11, 21)]
    return lights + timers


def write_csv(path: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("text", "label")) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@pytest.fixture
def tiny_csv(tmp_path: Path) -> Path:
    """A CSV of eighty sentences in two classes."""
    return write_csv(tmp_path / "commands.csv", tiny_rows())
