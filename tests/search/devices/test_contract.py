"""The devices, and what each promises."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from search.devices.device import Device
from search.devices.local import LocalDevice
from search.devices.scaled import ScaledDevice
from tests.boards import running_board
from tests.contracts.devices import (
    FACTS,
    AnsweringDevice,
    EnergyEstimatingDevice,
    EnergyMeteringDevice,
    EveryDevice,
    MeasuringDevice,
    PredictingDevice,
)

# Five joules a second, by a clock.
METER = f"{sys.executable} -c 'import time; print(5 * time.monotonic())'"


class TestThisMachine(EveryDevice, MeasuringDevice, AnsweringDevice, EnergyMeteringDevice):
    @pytest.fixture(scope="class")
    def device(self) -> Device:
        return LocalDevice(name="one", time_limit_s=1, energy_command=METER)


class TestTwoThreadsAndFourTexts(EveryDevice, MeasuringDevice, AnsweringDevice):
    @pytest.fixture(scope="class")
    def device(self) -> Device:
        return LocalDevice(name="two", threads=2, batch_size=4, time_limit_s=1)


class TestScaled(EveryDevice, PredictingDevice, AnsweringDevice, EnergyEstimatingDevice):
    @pytest.fixture(scope="class")
    def device(self) -> Device:
        return ScaledDevice(name="scaled", facts=FACTS, power_w=5, time_limit_s=1)


class TestSsh(EveryDevice, MeasuringDevice, AnsweringDevice):
    @pytest.fixture(scope="class")
    def device(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
        with running_board(tmp_path_factory.mktemp("board")) as board:
            yield board.device()
