"""The energy of a text, where something meters it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from search.runtime.machine import SYSTEM, number_of, text_of
from search.runtime.report import Energy

ENERGY_S = (1.0, 5.0)  # how long an artefact runs for its energy to be read, and once more if nothing is seen


def energy_of(run: Callable[[], int], command: str | None, system: Path = SYSTEM) -> Energy | None:
    """The energy of one text, of all that the meter sees, while nothing else runs; None without a meter.

    The meter is the user's command, or else the counters of the processor's packages, which are called RAPL (Linux
    kernel documentation, power/powercap).

    Args:
        run: Answers some texts, and says how many.
        command: Prints joules since some moment.
        system: Where the counters are.
    """
    zones = (system / "class/powercap").glob("intel-rapl:?")
    packages = [zone / "energy_uj" for zone in zones if (text_of(zone / "name") or "").startswith("package")]
    if command:
        source, joules = "energy_command", lambda: _told(command)
    elif packages and all(number_of(path) is not None for path in packages):
        source, joules = "rapl", lambda: sum(number_of(path) or 0.0 for path in packages) / 1e6
    else:
        return None
    for seconds in ENERGY_S:
        n, before, deadline = 0, joules(), time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            n += run()
        used = joules() - before
        if used > 0:  # a counter may have wrapped around, or be too coarse
            return Energy(used * 1e3 / n, source)
    return None


def _told(command: str) -> float:
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    try:
        return float(answer.stdout)
    except ValueError:
        said = (answer.stderr or answer.stdout).strip().splitlines() or ["nothing"]
        raise SystemExit(f"energy_command has to print joules as a number, and said: {said[-1]}") from None
