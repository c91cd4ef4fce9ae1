"""Assembling: an encoder from a configuration and the weights that it is to have."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from search.models.elastic import ElasticConfig, ElasticForSequenceClassification

# What the weights of the embeddings are called.
WORDS, POSITIONS = "embeddings.word.weight", "embeddings.position.weight"


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
