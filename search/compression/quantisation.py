"""Quantisation of the exported graph, by onnxruntime."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from search.compression.step import Draft, Step
from search.graphs.export import OPTIONS, quietly
from spaces import Unquantised

# The nodes that read such weights have this in their names.
NODES: dict[Unquantised, str] = {"embeddings": "/embeddings/", "ffn-outputs": "/feed_forward/contract/"}
# So many weights share a 4-bit scale.
BLOCK_SIZE = 32
# Activations are rounded to int8 for 4-bit weights too, since onnxruntime has nothing faster for them.
INT8_ACTIVATIONS = 4


@dataclass(frozen=True)
class DynamicInt8(Step):
    """Store weights as int8; activations are rounded as they come."""

    per_channel: bool
    unquantised: Unquantised

    def apply(self, draft: Draft) -> Draft:
        """The draft with the smaller graph."""
        return _int8(draft, self, quantize_dynamic)


@dataclass(frozen=True)
class StaticInt8(Step):
    """Store weights as int8; activations are rounded by scales that training texts gave.

    Activations are uint8: as int8 they took ten times as long on a processor with VNNI.
    """

    per_channel: bool
    unquantised: Unquantised
    texts: Sequence[str]

    def apply(self, draft: Draft) -> Draft:
        """The draft with the smaller graph."""
        quantise = partial(
            quantize_static,
            calibration_data_reader=_Calibration(draft, self.texts),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
        )
        return _int8(draft, self, quantise)


@dataclass(frozen=True)
class Int4(Step):
    """Store weights in 4 bits, those of the embeddings too, with a scale for every few."""

    unquantised: Unquantised

    def apply(self, draft: Draft) -> Draft:
        """The draft with the smaller graph."""
        graph = _exported(draft)
        with quietly(), np.errstate(invalid="ignore"):  # weights that are all zero have a scale of zero
            quantiser = MatMulNBitsQuantizer(
                graph,
                block_size=BLOCK_SIZE,
                is_symmetric=True,
                accuracy_level=INT8_ACTIVATIONS,
                nodes_to_exclude=_left_alone(graph, self.unquantised),
                op_types_to_quantize=("MatMul", "Gather"),
            )
            quantiser.process()
        return replace(draft, graph=quantiser.model.model)


class _Calibration(CalibrationDataReader):
    """Texts one by one, as the graph reads them."""

    def __init__(self, draft: Draft, texts: Sequence[str]) -> None:
        self._ids: Iterator[list[int]] = iter(
            draft.tokenizer(list(texts), truncation=True, max_length=draft.max_tokens)["input_ids"]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next text, if there is one."""
        row = next(self._ids, None)
        if row is None:
            return None
        ids = np.array([row])
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def _exported(draft: Draft) -> onnx.ModelProto:
    if draft.graph is None:
        raise ValueError("a graph is quantised, and this encoder has not been exported")
    copied = onnx.ModelProto()
    copied.CopyFrom(draft.graph)  # onnxruntime changes what it is given
    return copied


def _left_alone(graph: onnx.ModelProto, unquantised: Unquantised) -> list[str]:
    if unquantised == "nothing":
        return []
    return [node.name for node in graph.graph.node if NODES[unquantised] in node.name]


def _int8(draft: Draft, step: DynamicInt8 | StaticInt8, quantise: Callable[..., None]) -> Draft:
    """The draft with its graph quantised by one of onnxruntime's two ways, which go from file to file."""
    graph = _exported(draft)
    with quietly(), tempfile.TemporaryDirectory() as folder:
        fp32, int8 = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        fp32.write_bytes(graph.SerializeToString())
        quantise(
            fp32,
            int8,
            weight_type=QuantType.QInt8,
            per_channel=step.per_channel,
            extra_options=OPTIONS,
            nodes_to_exclude=_left_alone(graph, step.unquantised),
        )
        return replace(draft, graph=onnx.load(int8))
