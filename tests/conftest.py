"""What many tests share: tiny real inputs, and surroundings in which commands say the same for everyone."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contracts")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

# Real sentences of two kinds that a tiny model can tell apart.
LIGHTS = ["turn on the {} light", "switch the {} lamp on", "light up the {}", "please turn the {} lights on"]
TIMERS = ["set a timer for {} minutes", "start a {} minute timer", "remind me in {} minutes", "wake me in {} minutes"]
ROOMS = ["kitchen", "bedroom", "hallway", "garage", "office", "attic", "cellar", "bathroom", "garden", "nursery"]


# By these a person's shell decides how programs look, what they warn of and where this one keeps its studies.
PERSONAL = (
    "BERTAILOR_STORE",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "LINES",
    "NO_COLOR",
    "PYTHONWARNINGS",
    "PY_COLORS",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)
# A shell in the background, or one that outlives its terminal, has its children ignore these.
STOPPING = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


def pytest_configure() -> None:
    """Put the surroundings in order before anything is imported that reads them, for this process and its children."""
    for name in list(os.environ):
        if name in PERSONAL or name.startswith("MLFLOW_"):
            del os.environ[name]
    os.environ["TERM"] = "xterm"
    for name in ("no_proxy", "NO_PROXY"):  # servers of tests are on this machine
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in STOPPING:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


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
