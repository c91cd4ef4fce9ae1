"""Fusion: the attention of each layer as one node of onnxruntime, instead of some thirty small ones.

onnxruntime's own optimiser finds the attention of a stock BERT, and not that of one whose heads were pruned. What it
does find, GELU and layer norms, it fuses whenever it loads a graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

DOMAIN, OP = "com.microsoft", "MultiHeadAttention"
MASK = "attention_mask_int32"


def fuse_attention(model: onnx.ModelProto, heads: Sequence[int]) -> None:
    """Replace what lies between the projections of each layer's attention and its output, in place.

    Args:
        model: An exported encoder whose input ``attention_mask`` is (batch, length).
        heads: The number of heads of each layer.
    """
    graph = model.graph
    fused = {}
    for layer, n_heads in enumerate(heads):
        place = f"/model/layers.{layer}/attention"
        projected = [_result(graph, f"{place}/{part}/") for part in ("query", "key", "value")]
        context = next(node.input[0] for node in graph.node if node.name.startswith(f"{place}/output/"))
        fused[context] = helper.make_node(
            OP, [*projected, "", MASK], [context], name=f"{place}/{OP}", domain=DOMAIN, num_heads=n_heads
        )
    cast = helper.make_node("Cast", ["attention_mask"], [MASK], name="/attention_mask/Cast", to=TensorProto.INT32)
    nodes = [cast, *(fused.get(node.output[0], node) for node in graph.node)]
    del graph.node[:]
    graph.node.extend(_needed(nodes, {output.name for output in graph.output}))
    if all(opset.domain != DOMAIN for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))


def set_heads(model: onnx.ModelProto, heads: Sequence[int]) -> None:
    """Tell the fused attention of each layer how many heads it has."""
    attention = (node for node in model.graph.node if node.op_type == OP)
    for node, n_heads in zip(attention, heads, strict=True):
        next(attribute for attribute in node.attribute if attribute.name == "num_heads").i = n_heads


def _result(graph: onnx.GraphProto, place: str) -> str:
    """What the last node of a place gives."""
    *_, last = (node for node in graph.node if node.name.startswith(place))
    return str(last.output[0])


def _needed(nodes: Sequence[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    """The nodes on which wanted tensors depend, in their order."""
    kept = []
    for node in reversed(nodes):
        if wanted & {*node.output}:
            wanted |= {*node.input}
            kept.append(node)
    return kept[::-1]
