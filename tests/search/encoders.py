"""Encoders small enough to cut, sort and export a hundred times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from search.models.assembling import elastic_config
from search.models.elastic import ElasticForSequenceClassification
from spaces import Architecture, Shape

SMALL = Shape(depth=3, heads=4, head_size=4, ffn_size=12, hidden_size=16)
VOCABULARY, POSITIONS = 40, 16


def small_encoder(shape: Shape = SMALL, seed: int = 0, **others: Any) -> ElasticForSequenceClassification:
    """An encoder without any two weights alike, so that each of them makes a difference."""
    sizes = {"vocab_size": VOCABULARY, "max_position_embeddings": POSITIONS, **others}
    return randomised(ElasticForSequenceClassification(elastic_config(shape, **sizes)), seed).eval()


def randomised(model: ElasticForSequenceClassification, seed: int = 0) -> ElasticForSequenceClassification:
    """The same model with random weights, norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(0, 0.5, generator=generator)
            if name.endswith("norm.weight"):
                weight += 1
    return model


def small_inputs(batch: int = 3, length: int = POSITIONS) -> tuple[Tensor, Tensor]:
    """Word pieces and their mask; every text after the first is padded."""
    ids = torch.randint(1, VOCABULARY, (batch, length), generator=torch.Generator().manual_seed(0))
    lengths = torch.linspace(length, 1, batch).round().long()
    mask = (torch.arange(length) < lengths[:, None]).long()
    return ids * mask, mask


def words_of(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that knows the words of these texts and no others."""
    words = ["[PAD]", "[UNK]", "[CLS]", *sorted({word for text in texts for word in text.split()})]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")


@st.composite
def architectures(draw: st.DrawFn, min_hidden_size: int = 1) -> Architecture:
    """Any architecture that can be cut from the small encoder."""
    layers = sorted(draw(st.sets(st.integers(0, SMALL.depth - 1), min_size=1)))
    return Architecture(
        layers=tuple(layers),
        heads=tuple(draw(st.integers(1, SMALL.heads)) for _ in layers),
        ffn_sizes=tuple(draw(st.integers(1, SMALL.ffn_size)) for _ in layers),
        hidden_size=draw(st.integers(min_hidden_size, SMALL.hidden_size)),
    )
