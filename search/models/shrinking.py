"""Shrinking: a smaller dense model, cut from a backbone by importance, that keeps its weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from search.models.backbones import Backbone
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from spaces import Architecture


def candidate_model(
    backbone: Backbone, architecture: Architecture, labels: tuple[str, ...], seed: int
) -> ElasticForSequenceClassification:
    """The untuned model of a candidate: cut from the backbone, or new where there are no weights to cut."""
    if backbone.weights is not None:
        return shrink(backbone.full_model(labels, seed), architecture)
    config = copy.deepcopy(backbone.config)
    _resize(config, architecture)
    return backbone.new_model(config, labels, seed)


def shrink(model: ElasticForSequenceClassification, architecture: Architecture) -> ElasticForSequenceClassification:
    """Cut a model down to an architecture, in place.

    Layers that the architecture doesn't keep are dropped. In those it keeps, torch-pruning (Fang et al. 2023,
    arXiv 2301.12900) removes the heads and FFN channels of least importance together with all that depends
    on them; importance is the L2 norm of a group's weights. What remains computes what the full model would
    with the removed heads and channels silenced.

    Args:
        model: The encoder at full size.
        architecture: What to keep; its sizes may not exceed the model's.

    Returns:
        The same model, smaller, with its configuration brought up to date.

    Raises:
        ValueError: The architecture is larger than the model.
    """
    if architecture.layers[-1] >= len(model.layers) or architecture.hidden_size != model.config.hidden_size:
        raise ValueError(
            f"layers {architecture.layers} of {architecture.hidden_size} channels can't be cut from"
            f" {len(model.layers)} layers of {model.config.hidden_size}"
        )
    model.layers = nn.ModuleList([model.layers[layer] for layer in architecture.layers])
    graph = torch_pruning.DependencyGraph().build_dependency(
        model,
        example_inputs={"input_ids": torch.ones(1, 8, dtype=torch.long)},
        output_transform=lambda output: output.logits,
    )
    layer: Any
    for layer, heads, ffn_size in zip(model.layers, architecture.heads, architecture.ffn_sizes, strict=True):
        # Query, key and the output projection are in the value's group; the second dense layer is in the first's.
        _prune(graph, layer.attention.value, keep=heads, unit=model.config.head_size)
        _prune(graph, layer.feed_forward.expand, keep=ffn_size, unit=1)
    _resize(model.config, architecture)
    return model


def _resize(config: ElasticConfig, architecture: Architecture) -> None:
    config.hidden_size = architecture.hidden_size
    config.heads = list(architecture.heads)
    config.ffn_sizes = list(architecture.ffn_sizes)
    config.num_hidden_layers = architecture.depth


def _prune(graph: torch_pruning.DependencyGraph, dense: nn.Linear, *, keep: int, unit: int) -> None:
    """Remove the least important outputs of a dense layer, ``unit`` neighbours at a time, until ``keep`` stand."""
    channels = torch.arange(dense.out_features)
    units = channels.view(-1, unit)
    if keep > len(units):
        raise ValueError(f"can't keep {keep} of {len(units)} heads or channels")
    if keep == len(units):
        return
    group = graph.get_pruning_group(dense, torch_pruning.prune_linear_out_channels, channels.tolist())
    importance: Tensor = torch_pruning.importance.GroupMagnitudeImportance(p=2)(group)
    ascending = importance.view(-1, unit).sum(dim=1).argsort()
    removed = units[ascending[: len(units) - keep]].flatten().tolist()
    graph.get_pruning_group(dense, torch_pruning.prune_linear_out_channels, removed).prune()
