"""What a device measured of an artefact."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a device measured of an artefact.

    Attributes:
        latency_ms: From a batch of texts to its logits: the median.
        latency_p95_ms: The 95th percentile over all inferences.
        latency_p99_ms: The 99th.
        latency_low_ms: Where the 95% interval of the median begins.
        latency_high_ms: Where it ends.
        steady: Whether that interval is within 3% of the median; if not, the figure is noisy.
        undivided_ms: The median latency as it was timed.
        drift: How many times slower than usual the device was, by which the other latencies are divided.
        throughput_per_s: Texts that are answered in a second, one batch after the other.
        load_ms: From a process with its imports to a loaded artefact.
        memory_mb: Peak physical memory of the whole process, in 10^6 bytes.
        pss_mb: Its memory with what it shares divided among those that share it; where the system tells.
        uss_mb: Its memory that no other process shares; where the system tells.
        runtime_mb: What the process held before the artefact was loaded.
        size_mb: What has to be deployed on disk, model and tokenizer, in 10^6 bytes.
        energy_mj: Of one text; where something tells it.
        energy_estimated: Whether it is an estimate from the device's stated power, and not metered.
        throttled: Whether heat slowed the processor down meanwhile; where the system tells.
        fits: Whether it runs within the device's hard memory limit, if it has one.
        predicted: Whether latency and memory were predicted from a measurement elsewhere.
        machine: The processor and system that it was measured on.
        conditions: Versions, governor, temperature and what metered the energy there.
        logits: What it answered to the texts, (texts, labels).
    """

    latency_ms: float
    latency_p95_ms: float
    latency_low_ms: float
    latency_high_ms: float
    steady: bool
    load_ms: float
    memory_mb: float
    size_mb: float
    machine: str
    latency_p99_ms: float | None = None
    undivided_ms: float | None = None
    drift: float | None = None
    throughput_per_s: float | None = None
    pss_mb: float | None = None
    uss_mb: float | None = None
    runtime_mb: float | None = None
    energy_mj: float | None = None
    energy_estimated: bool | None = None
    throttled: bool | None = None
    fits: bool | None = None
    predicted: bool = False
    conditions: dict[str, Any] = field(default_factory=dict)
    logits: list[list[float]] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, float]:
        """The figures by name, as far as they are known; what is true or false counts 1 or 0."""
        return {name: float(value) for name, value in vars(self).items() if isinstance(value, int | float)}

    def elsewhere(self, *, latency_ms: float, memory_mb: float, energy_mj: float | None, machine: str) -> Costs:
        """What is predicted of the same artefact on another machine, where its median latency is to be this."""
        factor = latency_ms / self.latency_ms
        return replace(
            self,
            latency_ms=latency_ms,
            latency_p95_ms=self.latency_p95_ms * factor,
            latency_p99_ms=None if self.latency_p99_ms is None else self.latency_p99_ms * factor,
            latency_low_ms=self.latency_low_ms * factor,
            latency_high_ms=self.latency_high_ms * factor,
            throughput_per_s=None if self.throughput_per_s is None else self.throughput_per_s / factor,
            undivided_ms=None,
            drift=None,
            load_ms=self.load_ms * factor,
            memory_mb=memory_mb,
            pss_mb=None,
            uss_mb=None,
            runtime_mb=None,
            energy_mj=energy_mj,
            energy_estimated=None if energy_mj is None else True,
            predicted=True,
            machine=f"predicted for {machine}, from a measurement on {self.machine}",
        )
