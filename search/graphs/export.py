"""The plain export of an encoder to ONNX, and its quantisation by onnxruntime."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from search.graphs.fusion import fuse_attention
from search.models.elastic import ElasticForSequenceClassification

OPSET = 18
# Types can't be inferred behind onnxruntime's own nodes.
OPTIONS = {"DefaultTensorType": onnx.TensorProto.FLOAT}


def export_onnx(model: ElasticForSequenceClassification, path: Path) -> None:
    """Write a model's graph and weights as one fp32 ONNX file, with fused attention where layers have their own."""
    example = torch.ones(2, 8, dtype=torch.long)
    axes = {0: "batch", 1: "length"}
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter that torch recommends takes five times as long for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(model).eval(),
            (example, example),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    if not model.config.shared_layers:
        exported = onnx.load(path)
        fuse_attention(exported, model.config.heads)
        onnx.save(exported, path)


def quantise_dynamically(path: Path) -> None:
    """Turn an fp32 ONNX file's weights into int8, embeddings too; activations follow as it runs."""
    fp32 = path.with_suffix(".fp32.onnx")
    path.replace(fp32)
    with quietly():
        quantize_dynamic(fp32, path, weight_type=QuantType.QInt8, extra_options=OPTIONS)
    fp32.unlink()


@contextmanager
def quietly() -> Iterator[None]:
    """Without onnxruntime's advice on image models, which it gives through the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


class _Logits(nn.Module):
    def __init__(self, model: ElasticForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids, attention_mask).logits
        return logits
