from __future__ import annotations

import time
from pathlib import Path

import pytest

from search.runtime import energy
from search.runtime.energy import energy_of
from search.runtime.report import Energy
from tests.search.runtime.systems import a_system

ZONE = "class/powercap/intel-rapl:0"


@pytest.fixture
def metered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose first counter is a package's, and whose second counts the same again."""
    monkeypatch.setattr(energy, "ENERGY_S", (0.01, 0.02))
    files = {f"{ZONE}/name": "package-0\n", f"{ZONE}/energy_uj": "1000000\n"}
    return a_system(tmp_path, {**files, "class/powercap/intel-rapl:1/name": "psys\n"})


def test_the_packages_counters_tell_energy(metered: Path) -> None:
    def run() -> int:
        (metered / ZONE / "energy_uj").write_text("3000000\n", encoding="ascii")
        time.sleep(0.1)
        return 8

    assert energy_of(run, None, metered) == Energy(250.0, "rapl")
    assert energy_of(run, None, metered / "nothing") is None


def test_a_counter_that_wrapped_around_is_read_again(metered: Path) -> None:
    readings = iter(["500000", "1500000"])

    def run() -> int:
        (metered / ZONE / "energy_uj").write_text(next(readings), encoding="ascii")
        time.sleep(0.1)
        return 8

    assert energy_of(run, None, metered) == Energy(125.0, "rapl")


def test_a_counter_that_stands_still_tells_nothing(metered: Path) -> None:
    assert energy_of(lambda: 8, None, metered) is None
