from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from results.costs import Costs
from search.devices import local
from search.devices.device import MeasurementError
from search.devices.local import LocalDevice
from search.errors import UsageError

TEXTS = ["turn on the light", "set a timer"]
LIMITED = pytest.mark.skipif(sys.platform != "linux", reason="limits need Linux")


def limited(memory_limit_mb: float) -> LocalDevice:
    return LocalDevice(name="limited", memory_limit_mb=memory_limit_mb, time_limit_s=0.2)


@LIMITED
@pytest.mark.parametrize("by", ["cgroup", "rlimit"])
def test_a_small_limit_refuses_what_a_large_one_accepts(
    by: str, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "rlimit":
        monkeypatch.setattr(local, "CGROUPS", Path("/nowhere"))
    elif (group := local._new_cgroup(10**9)) is None:
        pytest.skip("this user may make no cgroup with a limit on memory here")
    else:
        group.rmdir()
    small, large = (limited(limit).measure(artifact, TEXTS) for limit in (40, 1500))
    assert (small.fits, large.fits) == (False, True)
    # What it would take is known all the same.
    assert small.memory_mb > 40
    assert small.latency_ms > 0
    assert not list(Path("/sys/fs/cgroup").glob("bertailor-*"))


def test_without_a_limit_nothing_is_said_of_fitting(artifact: Path) -> None:
    assert LocalDevice(name="free", time_limit_s=0.1).measure(artifact, TEXTS).fits is None


@LIMITED
def test_it_runs_on_the_cores_that_are_named(artifact: Path) -> None:
    last = max(os.sched_getaffinity(0))
    told = f"{sys.executable} -c 'import os; print(*os.sched_getaffinity(0), sep=chr(43))'"
    device = LocalDevice(name="pinned", cores=(last,), time_limit_s=0.1, energy_command=f"echo cores: $({told})")
    device.check()
    # The command of the energy, which is no number, is quoted with what it said: it runs where the artefact does.
    with pytest.raises(MeasurementError, match=f"cores: {last}$"):
        device.measure(artifact, TEXTS)


@LIMITED
def test_a_core_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="this machine has no core 4096"):
        LocalDevice(name="pinned", cores=(4096,)).check()


def test_limits_are_refused_where_they_can_t_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match="need Linux"):
        limited(100).check()
    LocalDevice(name="free").check()


def test_an_energy_command_is_asked_and_without_one_power_gives_an_estimate(artifact: Path, tmp_path: Path) -> None:
    # Five joules a second, by a clock.
    command = f"{sys.executable} -c 'import time; print(5 * time.monotonic())'"

    def measured(**keys: object) -> Costs:
        device = LocalDevice.model_validate({"name": "metered", "time_limit_s": 0.2, **keys})
        return device.measure(artifact, TEXTS)

    metered, estimated = measured(energy_command=command), measured(power_w=5)
    assert metered.energy_mj is not None
    # The meter also counts what is not the artefact's own time.
    assert metered.energy_mj > 0.5 * 5 * metered.latency_ms
    assert metered.energy_estimated is False
    assert metered.conditions["energy"] == "energy_command"
    if estimated.conditions["energy"] == "rapl":
        pytest.skip("this machine meters energy itself")
    assert estimated.energy_mj == pytest.approx(5 * estimated.latency_ms)
    assert estimated.energy_estimated is True
    assert "energy_mj" not in measured().figures


def test_an_energy_command_that_prints_no_number_is_an_error_that_says_so(artifact: Path) -> None:
    device = LocalDevice(name="metered", energy_command="echo no meter", time_limit_s=0.1)
    with pytest.raises(Exception, match="energy_command has to print joules as a number, and said: no meter"):
        device.measure(artifact, TEXTS)
