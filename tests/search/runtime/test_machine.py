from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from search.devices.probe_program import probe_program
from search.runtime.machine import machine, state, throttled
from search.runtime.report import State
from tests.search.runtime.systems import a_system

TELL_MEMORY = """
import sys
sys.path.insert(0, sys.argv[1])
from search.runtime.machine import memory
print(memory().peak_mb)
"""


def test_the_state_is_what_the_system_tells(tmp_path: Path) -> None:
    system = a_system(
        tmp_path,
        {
            "devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
            "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4\n",
            "class/thermal/thermal_zone0/temp": "48500\n",
            "class/thermal/thermal_zone1/temp": "51250\n",
            "devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        },
    )
    assert state(system) == State(governor="ondemand", celsius=51.25, throttle_count=7, throttled_flags="50005")
    assert state(tmp_path / "nothing") == State()


@pytest.mark.parametrize(
    ("before", "after", "slowed"),
    [
        (State(throttle_count=3), State(throttle_count=3), False),
        (State(throttle_count=3), State(throttle_count=4), True),
        (State(), State(throttled_flags="50000"), False),  # it was, earlier
        (State(), State(throttled_flags="50004"), True),
        (State(), State(governor="ondemand"), None),
    ],
)
def test_heat_is_told_where_the_system_tells_it(before: State, after: State, slowed: bool | None) -> None:
    assert throttled(before, after) is slowed


def test_the_memory_of_a_large_parent_is_not_counted() -> None:
    weight = np.ones(120_000_000)
    told = subprocess.run(
        [sys.executable, "-I", "-c", TELL_MEMORY, probe_program()], capture_output=True, text=True, check=True
    )
    assert weight.nbytes / 1e6 > 900
    assert 5 < float(told.stdout) < 400


def test_the_machine_is_called_alike_each_time() -> None:
    assert machine() == machine()
    assert "cores" in machine()
