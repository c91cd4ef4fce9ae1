"""Assembling: an encoder from a configuration and the weights that it is to have."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from search.models.elastic import ElasticConfig, ElasticForSequenceClassification


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
