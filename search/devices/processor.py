"""What this machine's processor can do at most, from what the system says of it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import psutil

# One core does so many fp32 and int8 operations in a cycle, by its vector instructions; the best come first.
# Two 256-bit multiply-adds are 32 operations in fp32; a dot-product instruction does four times as many in int8.
RATES = (
    ("avx512_vnni", 32, 128),
    ("avx_vnni", 32, 128),
    ("avx2", 32, 64),
    ("asimddp", 16, 64),
    ("asimd", 8, 16),
    ("sse4_2", 8, 16),
)
USUAL_GHZ = 3.0


def peak_rates() -> tuple[float, float]:
    """The 10^9 operations of one core in a second, in fp32 and in int8, at most."""
    _, fp32, int8 = next((rate for rate in RATES if rate[0] in _instructions()), RATES[-1])
    return fp32 * _clock_ghz(), int8 * _clock_ghz()


def _instructions() -> set[str]:
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
        return set(flags.partition(":")[2].split())
    # Macs with ARM have the dot product; other machines of today have AVX2.
    return {"asimddp"} if platform.machine().lower() in {"arm64", "aarch64"} else {"avx2"}


def _clock_ghz() -> float:
    try:
        clock = psutil.cpu_freq()
    except (OSError, RuntimeError):
        return USUAL_GHZ
    mhz = 0.0 if clock is None else clock.max or clock.current
    return mhz / 1e3 if mhz else USUAL_GHZ
