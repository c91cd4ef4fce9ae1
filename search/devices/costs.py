"""What a device measured of an artefact."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a device measured of an artefact.

    Attributes:
        latency_ms: From a batch of texts to its logits: the median.
        latency_p95_ms: The 95th percentile over all inferences.
        latency_low_ms: Where the 95% interval of the median begins.
        latency_high_ms: Where it ends.
        steady: Whether that interval is within 3% of the median; if not, the figure is noisy.
        load_ms: From a process with its imports to a loaded artefact.
        memory_mb: Peak physical memory of the whole process, in 10^6 bytes.
        size_mb: What has to be deployed on disk, model and tokenizer, in 10^6 bytes.
        machine: The processor and system that it was measured on.
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

    @property
    def figures(self) -> dict[str, float]:
        """The measured figures by name; ``steady`` counts 1 or 0."""
        return {name: float(value) for name, value in asdict(self).items() if name != "machine"}
