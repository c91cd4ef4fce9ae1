"""Artefacts: a model as ONNX, compressed as it would ship, with its tokenizer."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from search.artifacts.template import template_of
from search.models.elastic import ElasticForSequenceClassification
from spaces import Compression


def build_artifact(
    model: ElasticForSequenceClassification,
    tokenizer: PreTrainedTokenizerBase,
    compression: Compression,
    max_tokens: int,
    folder: Path,
) -> None:
    """Write ``model.onnx``, weights inside, and ``tokenizer.json`` into a folder.

    The graph takes ``input_ids`` and ``attention_mask``, both (batch, length) int64, and gives ``logits``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    template_of(model.config, compression.quantisation).write(model, folder / "model.onnx")
    deployed_tokenizer(tokenizer, max_tokens).save(str(folder / "tokenizer.json"))


def deployed_tokenizer(tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> Tokenizer:
    """The tokenizer as a deployment runs it: cuts at ``max_tokens``, pads nothing."""
    fast = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    fast.enable_truncation(max_tokens)
    fast.no_padding()
    return fast
