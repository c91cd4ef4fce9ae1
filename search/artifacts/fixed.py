"""Artefacts of fixed random weights: their time is all that they are for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from search.artifacts.build import build_artifact
from search.compression import Draft, Material
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from spaces import Compression, Quantisation

HEAD_SIZE, MAX_TOKENS = 32, 64


class FixedArtifact(NamedTuple):
    """The sizes of an encoder whose layers are alike, and how it is quantised."""

    depth: int
    hidden_size: int
    ffn_size: int
    quantisation: Quantisation

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.depth}L {self.hidden_size}W {self.ffn_size}F {self.quantisation}"

    def write(self, folder: Path, texts: Iterable[str]) -> None:
        """Write the artefact, which reads the words of these texts."""
        texts = list(texts)
        words = ["[PAD]", "[UNK]", *sorted({word for text in texts for word in text.split()})]
        config = ElasticConfig(
            vocab_size=len(words),
            hidden_size=self.hidden_size,
            heads=(self.hidden_size // HEAD_SIZE,) * self.depth,
            head_size=HEAD_SIZE,
            ffn_sizes=(self.ffn_size,) * self.depth,
            max_position_embeddings=MAX_TOKENS,
            num_labels=2,
        )
        model = ElasticForSequenceClassification(config).eval()
        rng = np.random.default_rng(0)
        with torch.no_grad():
            for weight in model.parameters():
                weight.copy_(torch.from_numpy(rng.normal(0, 0.02, tuple(weight.shape))))
        draft = Draft(model=model, tokenizer=_tokenizer(words), max_tokens=MAX_TOKENS)
        build_artifact(draft, Compression(quantisation=self.quantisation), folder, Material(texts=texts))


def _tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    ids = {word: index for index, word in enumerate(words)}
    tokenizer: Any = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
