"""Devices on which the probe runs, and what its reports say that artefacts cost there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from results.costs import Costs
from search.devices.device import Device, MeasurementError, OutOfMemoryError
from search.devices.yardstick import drift_of, yardstick_beside
from search.runtime.classifier import MODEL, TOKENIZER
from search.runtime.report import Report
from search.runtime.request import YARDSTICK_TEXT, Request

ARTIFACT = (MODEL, TOKENIZER)
# numpy's own threads, which inference doesn't use, would each take memory.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# A process that gets no memory is ended by the kernel, by an abort, or by a pointer to nothing.
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

_REPORT = TypeAdapter(Report)


class ProbedDevice(Device):
    """A device on which the probe runs; see ``search/runtime/probe.py``."""

    @abstractmethod
    def report(self, folder: Path, texts: Sequence[str], yardstick: Path) -> Report:
        """What the probe says of an artefact there, with a yardstick beside it.

        Raises:
            MeasurementError: It can't be loaded or run.
            DeviceError: The device is out of reach.
        """

    @property
    def place(self) -> str:
        """Tells apart where the yardstick takes a different time."""
        return ""

    def measure(self, folder: Path, texts: Sequence[str]) -> Costs:
        """Measure the artefact in a folder on texts of its task."""
        yardstick = yardstick_beside(folder)
        report = self.report(folder, texts, yardstick)
        drift = drift_of(report, yardstick, self.place, lambda: self.report(yardstick, [YARDSTICK_TEXT], yardstick))
        return self._costs(report, drift, size_mb(folder))

    def request(self, folder: str, texts: Sequence[str], yardstick: str | None = None) -> Request:
        """What the probe is asked of an artefact in a folder there."""
        return Request(
            folder=folder,
            texts=texts,
            threads=self.threads,
            batch_size=self.batch_size,
            time_limit_s=self.time_limit_s,
            yardstick=yardstick,
            energy_command=self.energy_command,
        )

    def _costs(self, report: Report, drift: float, size_mb: float) -> Costs:
        """The costs that a report tells of, without what slowed the device down for the moment."""
        timing, memory, metered = report.timing, report.memory, report.energy
        latency_ms = timing.latency_ms / drift
        energy_mj = self.estimated_energy_mj(latency_ms) if metered is None else metered.energy_mj
        state = {name: value for name, value in asdict(report.state).items() if value is not None}
        return Costs(
            latency_ms=latency_ms,
            latency_p95_ms=timing.latency_p95_ms / drift,
            latency_p99_ms=timing.latency_p99_ms / drift,
            latency_low_ms=timing.latency_low_ms / drift,
            latency_high_ms=timing.latency_high_ms / drift,
            steady=timing.steady,
            undivided_ms=timing.undivided_ms,
            drift=drift,
            throughput_per_s=report.throughput_per_s * drift,
            load_ms=report.load_ms,
            memory_mb=memory.peak_mb,
            pss_mb=memory.pss_mb,
            uss_mb=memory.uss_mb,
            runtime_mb=report.runtime_mb,
            size_mb=size_mb,
            energy_mj=energy_mj,
            energy_estimated=None if energy_mj is None else metered is None,
            throttled=report.throttled,
            machine=report.machine,
            conditions={**asdict(report.versions), **state, "energy": "" if metered is None else metered.source},
            logits=report.logits,
        )


def size_mb(folder: Path) -> float:
    """What has to be deployed of an artefact, in 10^6 bytes: the model and its tokenizer."""
    return sum((folder / name).stat().st_size for name in ARTIFACT) / 1e6


def report_of(returncode: int, output: str, errors: str) -> Report:
    """The report of a measuring process, if it ended well.

    Raises:
        OutOfMemoryError: It needed more memory than there is.
        MeasurementError: It failed otherwise, or what it printed is no report.
    """
    if returncode == 0:
        return _parsed((output.strip().splitlines() or [""])[-1])
    said = (errors.strip().splitlines() or ["no reason given"])[-1]
    # A shell, there or here, gives the number of a signal as 128 and more.
    killed_by = -returncode if returncode < 0 else max(0, returncode - 128)
    if killed_by in SIGNS_OF_NO_MEMORY or any(sign in errors for sign in WORDS_FOR_NO_MEMORY):
        raise OutOfMemoryError(f"the artefact needs more memory than there is: {said}")
    if killed_by:
        raise MeasurementError(f"the measuring process was killed by signal {killed_by}: {said}")
    raise MeasurementError(f"the artefact can't be run: {said}")


def _parsed(line: str) -> Report:
    try:
        return _REPORT.validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise MeasurementError(
            f"the measuring process printed {line[:80]!r} and no report ({where}: {first['msg']}): whatever else prints"
            " there, such as a program around `python` or the shell's profile, must be silent"
        ) from error
