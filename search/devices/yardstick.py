"""Yardsticks: encoders that always take the same work, one of which is timed beside every candidate.

What slows a machine down for a while, heat or whoever else uses its cores and caches, slows both; dividing by the
yardstick takes it out. It has to be about as large as the candidate, because what disturbs most is memory: beside a
process that loads one core half of the time, the latency of an int8 encoder of 10 MB varied by 14% as it was, by 9%
when it was divided by that of matrix products in the cache, and by 1% when by that of a yardstick of 9 MB. How long a
yardstick takes on a device at its best is measured when it is first used there, and remembered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import onnx
from filelock import FileLock
from google.protobuf.message import DecodeError

from search.devices.device import MeasurementError
from search.files import cache_folder, digest, whole_folder, write_whole
from search.runtime.classifier import MODEL
from search.runtime.report import Report
from search.runtime.request import YARDSTICK_TEXT

# Depth, width and FFN channels are such that every text reads 1.6 or 9 MB of int8 weights.
SMALL, LARGE = (2, 256, 1024), (5, 384, 1536)
# Candidates that read more take the large one.
LARGE_FROM_BYTES = 4_000_000
# The fastest of so many fresh processes tells what a yardstick takes at best.
N_FIRST_MEASUREMENTS = 3
# Where a yardstick is so much faster than ever, the first measurements were disturbed.
MUCH_FASTER = 0.7


def yardstick_beside(artifact: Path) -> Path:
    """The folder of the yardstick that is like an artefact; it is made when it is first asked for."""
    depth, hidden_size, ffn_size = LARGE if _bytes_read(artifact) > LARGE_FROM_BYTES else SMALL
    folder = cache_folder() / f"yardstick-{depth}L-{hidden_size}W-{ffn_size}F"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            with whole_folder(folder) as whole:
                from search.artifacts.fixed import FixedArtifact  # which takes seconds to import

                FixedArtifact(depth, hidden_size, ffn_size, "dynamic-int8").write(whole, [YARDSTICK_TEXT])
    return folder


def drift_of(report: Report, yardstick: Path, place: str, measure: Callable[[], Report]) -> float:
    """How many times slower than usual a machine was when it reported, by the yardstick beside the artefact.

    Args:
        report: Of any artefact, with the yardstick beside it.
        yardstick: Its folder.
        place: Tells where the report comes from apart from others on such a machine.
        measure: Measures the yardstick beside itself, there.

    Raises:
        MeasurementError: The report tells nothing of the yardstick.
    """
    return _taken_ms(report) / _usual_ms(report, yardstick, place, measure)


def _usual_ms(report: Report, yardstick: Path, place: str, measure: Callable[[], Report]) -> float:
    """What a yardstick takes where a report comes from, when nothing slows the machine down.

    It stays as it was first measured, so that all costs compare; unless it is seen to be much faster.
    """
    versions = {"onnxruntime": report.versions.onnxruntime, "yardstick": yardstick.name}
    where = {"place": place, "machine": report.machine, "governor": report.state.governor, **versions}
    path = cache_folder() / "yardsticks" / f"{digest(where)}.json"
    if path.is_file():
        usual_ms = float(json.loads(path.read_text(encoding="utf-8"))["yardstick_ms"])
        if _taken_ms(report) > MUCH_FASTER * usual_ms:
            return usual_ms
    usual_ms = min(_taken_ms(measure()) for _ in range(N_FIRST_MEASUREMENTS))
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps({**where, "yardstick_ms": usual_ms}))
    return usual_ms


def _taken_ms(report: Report) -> float:
    """What the yardstick took beside the artefact of a report."""
    if not report.timing.yardstick_ms:
        raise MeasurementError("the measuring process did not time the yardstick: is the clock of the device running?")
    return report.timing.yardstick_ms


def _bytes_read(artifact: Path) -> int:
    """The weights that an artefact reads for every text; of the embeddings, it reads a few rows."""
    try:
        graph = onnx.load(artifact / MODEL).graph
    except (OSError, DecodeError):
        return 0  # and the probe says what is wrong with it
    return sum(weight.ByteSize() for weight in graph.initializer if "embeddings" not in weight.name)
