"""A report as a board gives it."""

from __future__ import annotations

from search.runtime.report import Energy, Memory, Report, State, Timing, Versions

REPORT = Report(
    timing=Timing(
        latency_ms=12.0,
        latency_low_ms=11.0,
        latency_high_ms=13.0,
        latency_p95_ms=15.0,
        latency_p99_ms=16.0,
        undivided_ms=12.5,
        steady=True,
        yardstick_ms=6.0,
    ),
    throughput_per_s=80.0,
    load_ms=30.0,
    memory=Memory(peak_mb=80.0, pss_mb=70.0, uss_mb=60.0),
    runtime_mb=50.0,
    energy=Energy(9.0, "rapl"),
    throttled=False,
    state=State(governor="ondemand", throttle_count=3),
    machine="a board, 4 cores",
    versions=Versions(python="3.9", onnxruntime="1.19", tokenizers="0.22"),
    logits=[[0.25, 0.75], [1.5, -1.5]],
    logits_sha256="0a1b",
)
