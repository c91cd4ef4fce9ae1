"""Artefacts: a model as ONNX, compressed as it would ship, with its tokenizer."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from search.compression import NOTHING_KNOWN, Draft, Material, apply, steps_of_the_artifact, steps_of_the_encoder
from search.runtime.classifier import MODEL, TOKENIZER
from spaces import Compression


def build_artifact(draft: Draft, compression: Compression, folder: Path, material: Material = NOTHING_KNOWN) -> None:
    """Write ``model.onnx``, weights inside, and ``tokenizer.json`` into a folder.

    The graph takes ``input_ids`` and ``attention_mask``, both (batch, length) int64, and gives ``logits``.

    Args:
        draft: The trained encoder, with its tokenizer and the task's limit of tokens.
        compression: What is done to it.
        folder: Where to write; made if need be.
        material: What the compression needs to know of the task.
    """
    steps = [*steps_of_the_encoder(compression, material), *steps_of_the_artifact(compression, material)]
    made = apply(steps, draft)
    assert made.graph is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(made.graph.SerializeToString())
    deployed_tokenizer(made.tokenizer, made.max_tokens).save(str(folder / TOKENIZER))


def deployed_tokenizer(tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> Tokenizer:
    """The tokenizer as a deployment runs it: cuts at ``max_tokens``, pads nothing."""
    fast = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    fast.enable_truncation(max_tokens)
    fast.no_padding()
    return fast
