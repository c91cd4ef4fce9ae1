"""Devices: where artefacts are measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from results.budgets import Budgets
from results.costs import Costs
from search.errors import RunError


class MeasurementError(RunError):
    """The artefact could not be run where it was to be measured."""


class OutOfMemoryError(MeasurementError):
    """The artefact needs more memory than the device allows."""


class DeviceError(RunError):
    """The device itself is out of reach or can't measure: no other artefact will fare better."""


class Facts(BaseModel):
    """What is publicly known of a device.

    Attributes:
        processor: Its processor.
        cores: Cores of the processor.
        clock_ghz: The highest of its clock.
        instructions: Vector instructions that inference profits from.
        flops_per_cycle: Operations of one core in fp32, at most.
        int8_per_cycle: The same in int8; four times as many with a dot-product instruction.
        memory_mb: Its memory in 10^6 bytes.
        power_w: What it takes under load, in watts.
        source: Where these facts are from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    processor: str
    cores: PositiveInt
    clock_ghz: PositiveFloat
    instructions: str = ""
    flops_per_cycle: PositiveInt
    int8_per_cycle: PositiveInt
    memory_mb: PositiveFloat
    power_w: PositiveFloat | None = None
    source: str

    @property
    def peak_rates(self) -> tuple[float, float]:
        """The 10^9 operations of one core in a second, in fp32 and in int8, at most."""
        return self.clock_ghz * self.flops_per_cycle, self.clock_ghz * self.int8_per_cycle


class Device(BaseModel, ABC):
    """Where artefacts are measured, with its limits.

    Attributes:
        name: What consoles and MLflow call it.
        description: What it is, in a line.
        threads: Threads of one inference.
        batch_size: Texts of one inference.
        time_limit_s: After this long a timing that is still noisy is reported as it is.
        energy_command: A command that is run there and prints the joules that a meter has counted so far.
        power_w: What the device takes while it works, in watts: for an estimate where nothing meters energy.
        screen_after: After so many measured candidates, a run of a study measures only those that may reach its front.
        budgets: Each of them holds for studies that don't set it.
        facts: What is publicly known of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str = ""
    threads: PositiveInt = 1
    batch_size: PositiveInt = 1
    time_limit_s: Annotated[PositiveFloat, Field(le=600)] = 10
    energy_command: str | None = None
    power_w: PositiveFloat | None = None
    screen_after: Annotated[int | None, Field(ge=6)] = None
    budgets: Budgets = Budgets()
    facts: Facts | None = None

    @abstractmethod
    def measure(self, folder: Path, texts: Sequence[str]) -> Costs:
        """Measure the artefact in a folder on texts of its task.

        Raises:
            MeasurementError: It can't be loaded or run.
            DeviceError: The device is out of reach.
        """

    @property
    def fingerprint(self) -> str:
        """Tells devices apart: costs of one don't hold for another.

        What is merely said of a device is no part of it, so that a mended citation changes nothing.
        """
        return self.model_copy(update={"facts": None}).model_dump_json(exclude={"description", "budgets"})

    def check(self) -> None:
        """Make sure that the device can measure at all, before a study spends any time.

        Raises:
            UsageError: It can't, and what to do.
        """

    def close(self) -> None:
        """Leave nothing behind on the device."""

    def estimated_energy_mj(self, latency_ms: float) -> float | None:
        """Millijoules of one text, from what the device takes under load; None where that is not known."""
        return None if self.power_w is None else self.power_w * latency_ms / self.batch_size
