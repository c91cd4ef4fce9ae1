"""Templates: an exported graph whose weights are replaced, because exporting takes seconds and this milliseconds.

Encoders of one depth have the same graph whatever their sizes, but for the number of heads of each layer. It is
exported once from a tiny encoder of random weights, by which each initializer is traced to the weight that it holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization.quant_utils import quantize_data

from search.graphs.export import export_onnx, quantise_dynamically
from search.graphs.fusion import set_heads
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification

TINY_HEADS, TINY_FFN_SIZE, TINY_RANK = 2, 40, 5

# The exporter writes a weight down in one of these forms.
FORMS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda weight: weight,
    lambda weight: weight.T,
    lambda weight: weight[0],
)


@dataclass(frozen=True)
class Slot:
    """A place in the graph for a weight.

    Attributes:
        name: The initializer's name; that of an int8 weight is followed by what it stands for.
        weight: The weight's name in the encoder.
        form: How it is written down.
        int8_type: The ONNX type of its quantised values; None where it stays fp32.
    """

    name: str
    weight: str
    form: Callable[[np.ndarray], np.ndarray]
    int8_type: int | None = None

    def filled(self, weights: Mapping[str, np.ndarray]) -> list[TensorProto]:
        """The initializers of the place."""
        values = np.ascontiguousarray(self.form(weights[self.weight]))
        if self.int8_type is None:
            return [numpy_helper.from_array(values, self.name)]
        # As onnxruntime has it, quantisation is symmetric where signed, with one scale for the whole weight.
        zero_point, scale, quantised = quantize_data(values.ravel(), self.int8_type, self.int8_type == TensorProto.INT8)
        whole = np.asarray(quantised, dtype=zero_point.dtype).reshape(values.shape)
        return [
            numpy_helper.from_array(np.asarray(scale, dtype=np.float32).reshape(()), f"{self.name}_scale"),
            numpy_helper.from_array(zero_point.reshape(()), f"{self.name}_zero_point"),
            numpy_helper.from_array(whole, f"{self.name}_quantized"),
        ]


@dataclass(frozen=True)
class Template:
    """The graph of all encoders of one depth, without weights."""

    graph: onnx.ModelProto
    slots: tuple[Slot, ...]

    def filled(self, model: ElasticForSequenceClassification) -> onnx.ModelProto:
        """The graph with a model's weights."""
        weights = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
        filled = onnx.ModelProto()
        filled.CopyFrom(self.graph)
        for slot in self.slots:
            filled.graph.initializer.extend(slot.filled(weights))
        set_heads(filled, model.config.heads)
        filled.graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(weights["classifier.bias"])
        return filled


def filled_graph(model: ElasticForSequenceClassification, *, int8: bool = False) -> onnx.ModelProto:
    """A model as ONNX, with its weights as int8 if asked for; what no template has is exported on its own."""
    config = model.config
    if config.dense_rank is not None or config.shared_layers:
        return exported(model, int8=int8)[-1]
    factorised = config.embedding_rank is not None
    options = (config.num_hidden_layers, config.head_size, config.hidden_act, config.layer_norm_eps, factorised)
    return _template(*options, int8).filled(model)


def exported(model: ElasticForSequenceClassification, *, int8: bool) -> tuple[onnx.ModelProto, ...]:
    """The graph of a plain export and, if asked for, of its quantisation."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, path)
        graphs = [onnx.load(path)]
        if int8:
            quantise_dynamically(path)
            graphs.append(onnx.load(path))
    return tuple(graphs)


@lru_cache(maxsize=64)
def _template(
    depth: int, head_size: int, hidden_act: str, layer_norm_eps: float, factorised: bool, int8: bool
) -> Template:
    config = ElasticConfig(
        vocab_size=32,
        hidden_size=24,
        heads=(TINY_HEADS,) * depth,
        head_size=head_size,
        ffn_sizes=(TINY_FFN_SIZE,) * depth,
        max_position_embeddings=16,
        hidden_act=hidden_act,
        layer_norm_eps=layer_norm_eps,
        num_labels=3,
        embedding_rank=TINY_RANK if factorised else None,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        tiny = ElasticForSequenceClassification(config).eval()
        for weight in tiny.parameters():
            weight.normal_()
    graphs = exported(tiny, int8=int8)
    graph, slots = graphs[-1], _slots(graphs[-1], _traced(graphs[0], tiny))
    del graph.graph.initializer[:]
    del graph.graph.value_info[:]  # the tiny encoder's sizes
    return Template(graph, tuple(slots))


def _traced(plain: onnx.ModelProto, model: ElasticForSequenceClassification) -> dict[str, Slot]:
    """The slot of each of an fp32 graph's initializers, by name: random values tell which weight it holds."""
    weights = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
    slots = {}
    for initializer in plain.graph.initializer:
        values = numpy_helper.to_array(initializer)
        slots[initializer.name] = next(
            Slot(initializer.name, name, form)
            for name, weight in weights.items()
            for form in FORMS
            if np.array_equal(form(weight), values)
        )
    return slots


def _slots(graph: onnx.ModelProto, plain: Mapping[str, Slot]) -> list[Slot]:
    slots = []
    for initializer in graph.graph.initializer:
        if initializer.name in plain:
            slots.append(plain[initializer.name])
        elif initializer.name.endswith("_quantized"):
            name = initializer.name.removesuffix("_quantized")
            source = plain[name.removesuffix("_Transposed")]
            # The quantiser turns the dense layers of the head round, which the exporter leaves as they are.
            form = FORMS[1] if name.endswith("_Transposed") else source.form
            slots.append(Slot(name, source.weight, form, initializer.data_type))
    return slots
