"""What the system tells of a process and of the machine that it runs on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from search.runtime.report import Memory, State

SYSTEM = Path("/sys")


def memory() -> Memory:
    """The physical memory of this process."""
    if sys.platform == "linux":
        # ru_maxrss survives exec, so that a child of a large process would report its parent's memory.
        peak_mb = _kilobytes("/proc/self/status")["VmHWM"] * 1024 / 1e6
        try:
            now = _kilobytes("/proc/self/smaps_rollup")
        except OSError:  # before Linux 4.14
            return Memory(peak_mb)
        own = now["Private_Clean"] + now["Private_Dirty"]
        return Memory(peak_mb, pss_mb=now["Pss"] * 1024 / 1e6, uss_mb=own * 1024 / 1e6)
    if sys.platform == "win32":
        import psutil

        full = psutil.Process().memory_full_info()
        return Memory(full.peak_wset / 1e6, uss_mb=full.uss / 1e6)
    import resource

    return Memory(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


def machine() -> str:
    """The processor, its cores and the system, for the record."""
    name = platform.processor() or platform.machine()
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
        name = (text_of(Path("/proc/device-tree/model")) or name).strip("\0")  # which names the board on ARM
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def state(system: Path = SYSTEM) -> State:
    """What the system tells of its processor's speed: governor, temperature, and how often heat has slowed it."""
    cpu = system / "devices/system/cpu"
    counts = [number_of(path) for path in cpu.glob("cpu*/thermal_throttle/core_throttle_count")]
    temperatures = [number_of(path) for path in (system / "class/thermal").glob("thermal_zone*/temp")]
    return State(
        governor=text_of(cpu / "cpu0/cpufreq/scaling_governor"),
        celsius=max((t / 1000 for t in temperatures if t is not None), default=None),
        throttle_count=sum(count for count in counts if count is not None) if counts else None,
        throttled_flags=text_of(system / "devices/platform/soc/soc:firmware/get_throttled"),
    )


def throttled(before: State, after: State) -> bool | None:
    """Whether heat slowed the processor down between two states; None where the system doesn't tell."""
    if before.throttle_count is not None and after.throttle_count is not None:
        return after.throttle_count > before.throttle_count
    if after.throttled_flags is not None:
        # Bits 1 to 3: the clock is capped, throttled or limited by temperature now (Raspberry Pi documentation).
        return bool(int(after.throttled_flags, 16) & 0b1110)
    return None


def text_of(path: Path) -> str | None:
    """What a file of the system says; None where there is none, or none that can be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def number_of(path: Path) -> float | None:
    """The number that a file of the system says."""
    text = text_of(path)
    return float(text) if text and text.lstrip("-").isdigit() else None


def _kilobytes(path: str) -> dict[str, int]:
    lines = (line.split() for line in Path(path).read_text(encoding="ascii", errors="replace").splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if line[-1] == "kB"}
