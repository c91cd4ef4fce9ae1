"""Kernels: what an artefact's time goes to here, by the kinds of computation that devices differ in."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import onnxruntime
from scipy.optimize import nnls
from tokenizers import Tokenizer

from search.runtime.classifier import MODEL, TOKENIZER

Kernel = Literal["fp32", "int8", "int4", "other"]
KERNELS: tuple[Kernel, ...] = get_args(Kernel)
# A kernel has to take this share of an artefact's time for its latency to tell anything of it.
LEAST_SHARE = 0.02

# onnxruntime runs the multiplications that take most of an encoder's time under these names.
OPERATORS: dict[str, Kernel] = {
    "MatMul": "fp32",
    "Gemm": "fp32",
    "FusedMatMul": "fp32",
    "FusedGemm": "fp32",
    "MultiHeadAttention": "fp32",
    "MatMulInteger": "int8",
    "MatMulIntegerToFloat": "int8",
    "DynamicQuantizeMatMul": "int8",
    "QLinearMatMul": "int8",
    "QGemm": "int8",
    "MatMulNBits": "int4",
}


def kernel_shares(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """The share of each of ``KERNELS`` in the time that an artefact takes here, by onnxruntime's own profile."""
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    with tempfile.TemporaryDirectory() as place:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(place) / "profile")
        session = onnxruntime.InferenceSession(str(folder / MODEL), options, providers=["CPUExecutionProvider"])
        for text in texts:
            ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
            session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    spent = dict.fromkeys(KERNELS, 1e-9)
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            spent[OPERATORS.get(event["args"]["op_name"], "other")] += event["dur"]
    times = np.array(list(spent.values()))
    return np.asarray(times / times.sum())


def fitted_factors(here_ms: np.ndarray, there_ms: np.ndarray) -> np.ndarray:
    """How many times longer each kernel takes there, by least squares of relative errors; none is negative.

    A kernel that hardly takes part in any artefact counts as what they take altogether.

    Args:
        here_ms: (artefacts, kernels) times here.
        there_ms: (artefacts,) whole latencies there.
    """
    whole = here_ms.sum(axis=1)
    seen = (here_ms / whole[:, None]).max(axis=0) > LEAST_SHARE
    factors = np.full(here_ms.shape[1], np.median(there_ms / whole))
    factors[seen], _ = nnls(here_ms[:, seen] / there_ms[:, None], np.ones(len(there_ms)))
    return factors


def left_out_errors(here_ms: np.ndarray, there_ms: np.ndarray) -> np.ndarray:
    """The relative error of each artefact's latency, predicted by a fit of all the others (leave-one-out)."""
    n = len(there_ms)
    others = [np.arange(n) != index for index in range(n)]
    predicted = [here_ms[i] @ fitted_factors(here_ms[rest], there_ms[rest]) for i, rest in enumerate(others)]
    return np.asarray(np.abs(np.array(predicted) / there_ms - 1))
