"""Calibration: a fixed set of artefacts measured on a board, by which any machine can predict the board's latencies.

The file holds what the board measured. Whoever uses it measures the same set here, once, and fits how many times
longer each kind of kernel takes there; so a file can be shared.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
from pydantic import BaseModel, ConfigDict, PositiveFloat, model_validator

from search.artifacts.fixed import FixedArtifact
from search.devices.device import Device
from search.devices.kernels import fitted_factors, kernel_shares, left_out_errors
from search.devices.local import LocalDevice
from search.files import cache_folder, digest, write_whole
from search.runtime.machine import machine

WORDS = [f"word{index}" for index in range(60)]
# Some are short as commands are, and some as long as reviews.
TEXTS = tuple(" ".join(WORDS[:length]) for length in (4, 8, 12, 24, 48))
# Each artefact is timed here for at most so long.
TIME_LIMIT_S = 5
# The set has every kernel in small and large artefacts.
SET = (
    FixedArtifact(1, 192, 384, "none"),
    FixedArtifact(2, 384, 1536, "none"),
    FixedArtifact(4, 288, 768, "none"),
    FixedArtifact(1, 384, 768, "dynamic-int8"),
    FixedArtifact(3, 192, 768, "dynamic-int8"),
    FixedArtifact(3, 384, 1536, "dynamic-int8"),
    FixedArtifact(6, 384, 1536, "dynamic-int8"),
    FixedArtifact(2, 288, 576, "static-int8"),
    FixedArtifact(4, 384, 1024, "static-int8"),
    FixedArtifact(2, 384, 768, "int4"),
    FixedArtifact(4, 192, 1536, "int4"),
)


class Point(BaseModel):
    """What one artefact of the set costs on the board."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    artifact: str
    latency_ms: PositiveFloat
    memory_mb: PositiveFloat


class Calibration(BaseModel):
    """What a board measured of the set.

    Attributes:
        device: The board's name.
        machine: Its processor and system.
        threads: Of one inference.
        runtime_mb: What an empty runtime takes there.
        points: The artefacts.
        error: The median relative error of a predicted latency, on the machine that the board was calibrated beside:
            each artefact predicted from the others.
        beside: That machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    device: str
    machine: str
    threads: int
    runtime_mb: PositiveFloat
    points: tuple[Point, ...]
    error: float
    beside: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        missing = {artifact.name for artifact in SET} - {point.artifact for point in self.points}
        if missing:
            raise ValueError(f"points: {sorted(missing)[0]} is missing; calibrate again with this version")
        return self


def calibration_of(device: Device, on_artifact: Callable[[str], None]) -> Calibration:
    """Measure the set on a board and here.

    Args:
        device: The board.
        on_artifact: Is told of each artefact before it is measured.

    Raises:
        MeasurementError: An artefact can't be run.
        DeviceError: The board is out of reach.
    """
    board = device.model_copy(update={"batch_size": 1})
    points, runtime_mb, there = [], [], ""
    for artifact in SET:
        on_artifact(artifact.name)
        with tempfile.TemporaryDirectory() as place:
            artifact.write(Path(place), TEXTS)
            costs = board.measure(Path(place), TEXTS)
        points.append(Point(artifact=artifact.name, latency_ms=costs.latency_ms, memory_mb=costs.memory_mb))
        runtime_mb.append(costs.runtime_mb or 0.0)
        there = costs.machine
    on_artifact("the same here")
    here_ms, here = times_here(device.threads)
    there_ms = np.array([point.latency_ms for point in points])
    return Calibration(
        device=device.name,
        machine=there,
        threads=device.threads,
        runtime_mb=float(np.median(runtime_mb)),
        points=tuple(points),
        error=float(np.median(left_out_errors(here_ms, there_ms))),
        beside=here,
    )


def factors_of(calibration: Calibration) -> tuple[np.ndarray, float]:
    """How many times longer each kernel takes on the board than here, and the median error of a prediction."""
    here_ms = times_here(calibration.threads)[0]
    known = {point.artifact: point.latency_ms for point in calibration.points}
    there_ms = np.array([known[artifact.name] for artifact in SET])
    return fitted_factors(here_ms, there_ms), float(np.median(left_out_errors(here_ms, there_ms)))


def times_here(threads: int) -> tuple[np.ndarray, str]:
    """The (artefacts, kernels) times of the set on this machine, and its name; measured once, and remembered."""
    what = {"set": SET, "machine": machine(), "onnxruntime": onnxruntime.__version__, "threads": threads}
    path = cache_folder() / f"calibration-{digest(what)}.json"
    if not path.is_file():
        device, times = LocalDevice(name="here", threads=threads, time_limit_s=TIME_LIMIT_S), []
        for artifact in SET:
            with tempfile.TemporaryDirectory() as place:
                artifact.write(Path(place), TEXTS)
                latency_ms = device.measure(Path(place), TEXTS).latency_ms
                times.append((latency_ms * kernel_shares(Path(place), TEXTS)).tolist())
        write_whole(path, json.dumps(times))
    return np.array(json.loads(path.read_text(encoding="utf-8"))), machine()
