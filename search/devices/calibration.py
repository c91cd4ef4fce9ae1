"""Calibration: a fixed set of artefacts measured on a board, by which any machine can predict the board's latencies.

The file holds what the board measured. Whoever uses it measures the same set here, once, and fits how many times
longer each kind of kernel takes there; so a file can be shared.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
import torch
from pydantic import BaseModel, ConfigDict, PositiveFloat, model_validator
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from search.artifacts.artifact import build_artifact
from search.compression import Draft, Material
from search.devices.device import Device
from search.devices.kernels import fitted_factors, kernel_shares, left_out_errors
from search.devices.local import LocalDevice
from search.devices.probe import machine
from search.files import digest, write_whole
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from search.paths import cache_folder
from spaces import Compression, Quantisation

WORDS = [f"word{index}" for index in range(60)]
# Short and long ones, as commands and reviews are.
TEXTS = tuple(" ".join(WORDS[:length]) for length in (4, 8, 12, 24, 48))
# Of each artefact here.
TIME_LIMIT_S = 5
# Depth, width, FFN channels and quantisation of the artefacts: every kernel, small and large.
SET: tuple[tuple[int, int, int, Quantisation], ...] = (
    (1, 192, 384, "none"),
    (2, 384, 1536, "none"),
    (4, 288, 768, "none"),
    (1, 384, 768, "dynamic-int8"),
    (3, 192, 768, "dynamic-int8"),
    (3, 384, 1536, "dynamic-int8"),
    (6, 384, 1536, "dynamic-int8"),
    (2, 288, 576, "static-int8"),
    (4, 384, 1024, "static-int8"),
    (2, 384, 768, "int4"),
    (4, 192, 1536, "int4"),
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
        missing = {name_of(sizes) for sizes in SET} - {point.artifact for point in self.points}
        if missing:
            raise ValueError(f"points: {sorted(missing)[0]} is missing; calibrate again with this version")
        return self


def calibrate(device: Device, on_artifact: Callable[[str], None]) -> Calibration:
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
    for name in map(name_of, SET):
        on_artifact(name)
        with tempfile.TemporaryDirectory() as place:
            _build(name, Path(place))
            costs = board.measure(Path(place), TEXTS)
        points.append(Point(artifact=name, latency_ms=costs.latency_ms, memory_mb=costs.memory_mb))
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
    there_ms = np.array([known[name] for name in map(name_of, SET)])
    return fitted_factors(here_ms, there_ms), float(np.median(left_out_errors(here_ms, there_ms)))


def times_here(threads: int) -> tuple[np.ndarray, str]:
    """The (artefacts, kernels) times of the set on this machine, and its name; measured once, and remembered."""
    what = {"set": SET, "machine": machine(), "onnxruntime": onnxruntime.__version__, "threads": threads}
    path = cache_folder() / f"calibration-{digest(what)}.json"
    if not path.is_file():
        device, times = LocalDevice(name="here", threads=threads, time_limit_s=TIME_LIMIT_S), []
        for name in map(name_of, SET):
            with tempfile.TemporaryDirectory() as place:
                _build(name, Path(place))
                latency_ms = device.measure(Path(place), TEXTS).latency_ms
                times.append((latency_ms * kernel_shares(Path(place), TEXTS)).tolist())
        write_whole(path, json.dumps(times))
    return np.array(json.loads(path.read_text(encoding="utf-8"))), machine()


def name_of(sizes: tuple[int, int, int, Quantisation]) -> str:
    """What an artefact of the set is called."""
    depth, hidden_size, ffn_size, quantisation = sizes
    return f"{depth}L {hidden_size}W {ffn_size}F {quantisation}"


def _build(name: str, folder: Path) -> None:
    depth, hidden_size, ffn_size, quantisation = next(sizes for sizes in SET if name_of(sizes) == name)
    config = ElasticConfig(
        vocab_size=len(WORDS) + 2,
        hidden_size=hidden_size,
        heads=(hidden_size // 32,) * depth,
        head_size=32,
        ffn_sizes=(ffn_size,) * depth,
        max_position_embeddings=64,
        num_labels=2,
    )
    model = ElasticForSequenceClassification(config).eval()
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.from_numpy(rng.normal(0, 0.02, tuple(weight.shape))))
    draft = Draft(model=model, tokenizer=_tokenizer(), max_tokens=64)
    build_artifact(draft, Compression(quantisation=quantisation), folder, Material(texts=TEXTS))


def _tokenizer() -> PreTrainedTokenizerFast:
    words = {word: index for index, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    tokenizer: Any = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
