"""Assembling: an encoder from a configuration and the weights that it is to have."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from spaces import Shape

# The word embeddings are called so.
WORDS = "embeddings.word.weight"


def elastic_config(shape: Shape, **others: Any) -> ElasticConfig:
    """The configuration of an encoder whose layers all have the sizes of ``shape``."""
    return ElasticConfig(
        hidden_size=shape.hidden_size,
        heads=(shape.heads,) * shape.depth,
        head_size=shape.head_size,
        ffn_sizes=(shape.ffn_size,) * shape.depth,
        **others,
    )


def frame(config: ElasticConfig) -> ElasticForSequenceClassification:
    """An encoder without any weights."""
    with torch.device("meta"):
        return ElasticForSequenceClassification(config)


def assembled(config: ElasticConfig, weights: Mapping[str, Tensor]) -> ElasticForSequenceClassification:
    """An encoder with copies of these weights, ready to answer."""
    model = frame(config)
    model.load_state_dict({name: weight.detach().cpu().clone() for name, weight in weights.items()}, assign=True)
    model.eval()
    return model


def taken_apart(model: ElasticForSequenceClassification) -> tuple[ElasticConfig, dict[str, Tensor]]:
    """An encoder's configuration, free to be changed, and its weights."""
    return copy.deepcopy(model.config), model.state_dict()
