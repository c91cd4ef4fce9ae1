"""The plain export of an encoder to ONNX, and its quantisation by onnxruntime."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from search.models.elastic import ElasticForSequenceClassification

OPSET = 18


def export_onnx(model: ElasticForSequenceClassification, path: Path) -> None:
    """Write a model's graph and weights as one fp32 ONNX file."""
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


def quantise_dynamically(path: Path) -> None:
    """Turn an fp32 ONNX file's weights into int8, embeddings too; activations follow as it runs."""
    fp32 = path.with_suffix(".fp32.onnx")
    path.replace(fp32)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # onnxruntime advises on image models through the root logger
    try:
        quantize_dynamic(fp32, path, weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)
        fp32.unlink()


class _Logits(nn.Module):
    def __init__(self, model: ElasticForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids, attention_mask).logits
        return logits
