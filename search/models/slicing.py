"""Slicing: a smaller encoder is a corner of every weight of a larger one, which has what matters most in front."""

from __future__ import annotations

import copy
import re

from torch import Tensor, nn
from torch.func import functional_call
from transformers.modeling_outputs import SequenceClassifierOutput

from search.models.assembling import assembled, frame
from search.models.elastic import ElasticConfig, ElasticForSequenceClassification
from spaces import Architecture


def axes_of(model: nn.Module) -> dict[str, tuple[str | None, ...]]:
    """What the axes of each weight count, by its name: see ``elastic.counting``."""
    axes = {}
    for place, module in model.named_modules():
        for name, weight in module.named_parameters(place, recurse=False):
            axes[name] = module.axes[: weight.ndim]
    return axes


def layer_of(name: str) -> int | None:
    """The layer that a weight belongs to; None for the embeddings and the head."""
    match = re.match(r"layers\.(\d+)\.", name)
    return int(match[1]) if match else None


def run_slice(
    model: ElasticForSequenceClassification,
    architecture: Architecture,
    input_ids: Tensor,
    attention_mask: Tensor,
    *,
    output_hidden_states: bool = False,
) -> SequenceClassifierOutput:
    """What a candidate's encoder answers with the larger model's weights; gradients flow into those.

    Args:
        model: The larger encoder.
        architecture: The candidate's sizes, none above the model's.
        input_ids: (batch, length) word pieces.
        attention_mask: (batch, length), 1 where there is a word piece.
        output_hidden_states: Whether to return what is between the layers too.
    """
    arguments = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "output_hidden_states": output_hidden_states,
    }
    smaller = frame(resized(model.config, architecture))
    answer: SequenceClassifierOutput = functional_call(smaller, _views(model, architecture), kwargs=arguments)
    return answer


def cut(model: ElasticForSequenceClassification, architecture: Architecture) -> ElasticForSequenceClassification:
    """A candidate's dense model with a copy of its corner of a larger model's weights.

    Raises:
        ValueError: The architecture is larger than the model.
    """
    _check_fits(model, architecture)
    return assembled(resized(model.config, architecture), _views(model, architecture))


def resized(config: ElasticConfig, architecture: Architecture) -> ElasticConfig:
    """The same configuration with the sizes of an architecture."""
    config = copy.deepcopy(config)
    config.hidden_size = architecture.hidden_size
    config.heads = list(architecture.heads)
    config.ffn_sizes = list(architecture.ffn_sizes)
    config.num_hidden_layers = architecture.depth
    config.shared_layers = architecture.shared
    return config


def _views(model: ElasticForSequenceClassification, architecture: Architecture) -> dict[str, Tensor]:
    """Views of the model's weights under the names that they have in the candidate."""
    kept = architecture.layers[: 1 if architecture.shared else None]
    positions = {layer: position for position, layer in enumerate(kept)}
    axes, views = axes_of(model), {}
    for name, weight in model.named_parameters():
        sizes: dict[str | None, int] = {"hidden": architecture.hidden_size, "pooled": architecture.hidden_size}
        place, layer = name, layer_of(name)
        if layer is not None:
            if layer not in positions:
                continue
            position = positions[layer]
            place = name.replace(f"layers.{layer}.", f"layers.{position}.", 1)
            sizes["heads"] = architecture.heads[position] * model.config.head_size
            sizes["ffn"] = architecture.ffn_sizes[position]
        views[place] = weight[tuple(slice(sizes.get(axis)) for axis in axes[name])]
    return views


def _check_fits(model: ElasticForSequenceClassification, architecture: Architecture) -> None:
    config = model.config
    if architecture.layers[-1] >= len(config.heads) or architecture.hidden_size > config.hidden_size:
        raise ValueError(
            f"layers {architecture.layers} of {architecture.hidden_size} channels can't be cut from"
            f" {len(config.heads)} layers of {config.hidden_size}"
        )
    for layer, heads, ffn_size in zip(architecture.layers, architecture.heads, architecture.ffn_sizes, strict=True):
        if heads > config.heads[layer] or ffn_size > config.ffn_sizes[layer]:
            raise ValueError(
                f"{heads} heads and {ffn_size} FFN channels can't be cut from the {config.heads[layer]} and"
                f" {config.ffn_sizes[layer]} of layer {layer}"
            )
