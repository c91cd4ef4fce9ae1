"""What the probe tells of an artefact and of the machine that it was measured on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long an inference takes, from a batch of texts to its logits.

    All but ``latency_p95_ms``, ``latency_p99_ms`` and ``undivided_ms`` are divided by what the yardstick took beside
    them, and multiplied by its median.

    Attributes:
        latency_ms: The median.
        latency_low_ms: Where the 95% interval of the median begins.
        latency_high_ms: Where it ends.
        latency_p95_ms: The 95th percentile over all inferences.
        latency_p99_ms: The 99th.
        undivided_ms: The median as it was timed.
        steady: Whether half of the interval is within 3% of the median, and there were enough rounds.
        yardstick_ms: The median of what the yardstick took; None where none ran beside.
    """

    latency_ms: float
    latency_low_ms: float
    latency_high_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    undivided_ms: float
    steady: bool
    yardstick_ms: float | None


@dataclass(frozen=True)
class Memory:
    """The physical memory of a process, in MB of 10^6 bytes.

    Attributes:
        peak_mb: The most that it has held.
        pss_mb: What it holds now, with what it shares divided among those that share it; None where nothing tells.
        uss_mb: What it holds now and no other process shares; None where nothing tells.
    """

    peak_mb: float
    pss_mb: float | None = None
    uss_mb: float | None = None


@dataclass(frozen=True)
class State:
    """What a system tells of its processor's speed; each is None where it doesn't.

    Attributes:
        governor: What decides the clock.
        celsius: The highest temperature.
        throttle_count: How often heat has slowed a core down since the system was started.
        throttled_flags: The flags of a Raspberry Pi, in hexadecimal.
    """

    governor: str | None = None
    celsius: float | None = None
    throttle_count: float | None = None
    throttled_flags: str | None = None


@dataclass(frozen=True)
class Energy:
    """The energy of one text, of all that the meter sees.

    Attributes:
        energy_mj: In millijoules.
        source: What metered it: ``energy_command`` or ``rapl``.
    """

    energy_mj: float
    source: str


@dataclass(frozen=True)
class Versions:
    """The versions of what ran the artefact."""

    python: str
    onnxruntime: str
    tokenizers: str


@dataclass(frozen=True)
class Report:
    """All that the probe tells.

    Attributes:
        timing: How long an inference takes.
        throughput_per_s: Texts that are answered in a second, one batch after the other.
        load_ms: From a process with its imports to a loaded artefact.
        memory: Of the process, before anything but the artefact was loaded.
        runtime_mb: The most that the process had held before the artefact was loaded, in MB of 10^6 bytes.
        energy: Of one text; None where nothing meters it.
        throttled: Whether heat slowed the processor down meanwhile; None where the system doesn't tell.
        state: Of the processor, afterwards.
        machine: The processor, its cores and the system.
        versions: Of what ran the artefact.
        logits: What it answered to the texts, (texts, labels).
        logits_sha256: Of the same as little-endian 32-bit numbers: equal where two machines answer alike to the bit.
    """

    timing: Timing
    throughput_per_s: float
    load_ms: float
    memory: Memory
    runtime_mb: float
    energy: Energy | None
    throttled: bool | None
    state: State
    machine: str
    versions: Versions
    logits: list[list[float]]
    logits_sha256: str
