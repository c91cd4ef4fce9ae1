"""Reference artefacts: encoders that always take the same work, one of which is timed beside every candidate.

What slows a machine down for a while, heat or whoever else uses its cores and caches, slows both; dividing by the
reference takes it out. It has to be about as large as the candidate, because what disturbs most is memory: beside a
process that loads one core half of the time, the latency of an int8 encoder of 10 MB varied by 14% as it was, by 9%
when it was divided by that of matrix products in the cache, and by 1% when by that of a reference of 9 MB. How long a
reference takes on a device at its best is measured when it is first used there, and remembered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from filelock import FileLock
from google.protobuf.message import DecodeError

from search.files import cache_folder, digest, whole_folder, write_whole
from search.runtime.probe import REFERENCE_TEXT

# Depth, width and FFN channels, in int8: 1.6 and 9 MB of weights that every text reads.
SMALL, LARGE = (2, 256, 1024), (5, 384, 1536)
# Candidates that read more take the large one.
LARGE_FROM_BYTES = 4_000_000
# Fresh processes of which the fastest tells what a reference takes at best.
N_FIRST_MEASUREMENTS = 3
# So much faster than ever shows that the first measurements were disturbed.
MUCH_FASTER = 0.7


def reference_beside(artifact: Path) -> Path:
    """The folder of the reference that is like an artefact; it is made when it is first asked for."""
    depth, hidden_size, ffn_size = LARGE if _bytes_read(artifact) > LARGE_FROM_BYTES else SMALL
    folder = cache_folder() / f"reference-{depth}L-{hidden_size}W-{ffn_size}F"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            with whole_folder(folder) as whole:
                from search.artifacts.fixed import FixedArtifact  # which takes seconds to import

                FixedArtifact(depth, hidden_size, ffn_size, "dynamic-int8").write(whole, [REFERENCE_TEXT])
    return folder


def usual_ms(place: str, reference: Path, report: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> float:
    """What a reference takes where a report comes from, when nothing slows the machine down.

    It stays as it was first measured, so that all costs compare; unless it is seen to be much faster.

    Args:
        place: Tells it apart from others on such a machine.
        reference: Its folder.
        report: Of any artefact, with the reference beside it.
        measure: Measures the reference beside itself, there.
    """
    versions = {"onnxruntime": report["versions"]["onnxruntime"], "reference": reference.name}
    where = {"place": place, "machine": report["machine"], "governor": report["state"].get("governor"), **versions}
    path = cache_folder() / "references" / f"{digest(where)}.json"
    if path.is_file():
        usual = float(json.loads(path.read_text(encoding="utf-8"))["reference_ms"])
        if report["reference_ms"] > MUCH_FASTER * usual:
            return usual
    usual = min(float(measure()["reference_ms"]) for _ in range(N_FIRST_MEASUREMENTS))
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json.dumps({**where, "reference_ms": usual}))
    return usual


def _bytes_read(artifact: Path) -> int:
    """The weights that an artefact reads for every text; of the embeddings, it reads a few rows."""
    try:
        graph = onnx.load(artifact / "model.onnx").graph
    except (OSError, DecodeError):
        return 0  # and the probe says what is wrong with it
    return sum(weight.ByteSize() for weight in graph.initializer if "embeddings" not in weight.name)
