"""Devices: where artefacts are measured."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from results.budgets import Budgets
from results.costs import Costs
from search.devices.reference import reference_beside, usual_ms
from search.errors import RunError
from search.runtime.probe import REFERENCE_TEXT

ARTIFACT = ("model.onnx", "tokenizer.json")
# numpy's own threads, which inference doesn't use, would each take memory.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# What ends a process that gets no memory: the kernel, an abort, or a pointer to nothing.
SIGNS_OF_NO_MEMORY = (9, 6, 11)
WORDS_FOR_NO_MEMORY = (
    "bad_alloc",
    "MemoryError",
    "Failed to allocate",
    "Unable to allocate",
    "Cannot allocate memory",
    "Memory allocation",
    "failed to map segment",
    "can't start new thread",
)


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
        """Tells devices apart: costs of one don't hold for another."""
        return self.model_dump_json(exclude={"description", "budgets"})

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


class ProbedDevice(Device):
    """A device on which the probe runs; see ``search/devices/probe.py``."""

    @abstractmethod
    def report(self, folder: Path, texts: Sequence[str], reference: Path) -> dict[str, Any]:
        """What the probe says of an artefact there, with a reference beside it.

        Raises:
            MeasurementError: It can't be loaded or run.
            DeviceError: The device is out of reach.
        """

    @property
    def place(self) -> str:
        """Tells apart where the reference takes a different time."""
        return ""

    def measure(self, folder: Path, texts: Sequence[str]) -> Costs:
        """Measure the artefact in a folder on texts of its task."""
        reference = reference_beside(folder)
        report = self.report(folder, texts, reference)
        usual = usual_ms(self.place, reference, report, lambda: self.report(reference, [REFERENCE_TEXT], reference))
        return self._costs(report, drift=report["reference_ms"] / usual, size_mb=size_mb(folder))

    def request(self, texts: Sequence[str]) -> dict[str, Any]:
        """What the probe is asked, but for where the files are."""
        return {
            "texts": list(texts),
            "threads": self.threads,
            "batch_size": self.batch_size,
            "time_limit_s": self.time_limit_s,
            "energy_command": self.energy_command,
        }

    def _costs(self, report: dict[str, Any], drift: float, size_mb: float) -> Costs:
        """The costs that a report tells of, without what slowed the device down for the moment."""
        known = {name: value for name, value in report.items() if name in Costs.__dataclass_fields__}
        for name in [name for name in known if name.startswith("latency_")]:
            known[name] /= drift
        known["throughput_per_s"] *= drift
        metered, estimated = known.get("energy_mj"), self.estimated_energy_mj(known["latency_ms"])
        if metered is not None:
            known["energy_estimated"] = False
        elif estimated is not None:
            known |= {"energy_mj": estimated, "energy_estimated": True}
        conditions = {**report["versions"], **report["state"], "energy": report.get("energy_source", "")}
        return Costs(**known, drift=drift, size_mb=size_mb, conditions=conditions)


def size_mb(folder: Path) -> float:
    """What has to be deployed of an artefact, in 10^6 bytes: the model and its tokenizer."""
    return sum((folder / name).stat().st_size for name in ARTIFACT) / 1e6


def parsed(returncode: int, output: str, errors: str) -> dict[str, Any]:
    """The report of a measuring process, if it ended well.

    Raises:
        OutOfMemoryError: It needed more memory than there is.
        MeasurementError: It failed otherwise.
    """
    if returncode == 0:
        report: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return report
    said = (errors.strip().splitlines() or ["no reason given"])[-1]
    # A shell, there or here, gives the number of a signal as 128 and more.
    killed_by = -returncode if returncode < 0 else max(0, returncode - 128)
    if killed_by in SIGNS_OF_NO_MEMORY or any(sign in errors for sign in WORDS_FOR_NO_MEMORY):
        raise OutOfMemoryError(f"the artefact needs more memory than there is: {said}")
    if killed_by:
        raise MeasurementError(f"the measuring process was killed by signal {killed_by}: {said}")
    raise MeasurementError(f"the artefact can't be run: {said}")
