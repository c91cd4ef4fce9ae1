"""Ordering: heads and channels are put in the order of their importance, so that slicing keeps what matters most."""

from __future__ import annotations

from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import axes_of, layer_of


def order_by_importance(model: ElasticForSequenceClassification, importance: Any) -> None:
    """Sort a model's heads, FFN channels and hidden channels in place, the most important first.

    torch-pruning (Fang et al. 2023, arXiv 2301.12900) finds which weights depend on a channel and how much the
    channel matters with all of them. The model computes what it computed before.

    Args:
        model: The encoder to sort.
        importance: An importance of torch-pruning; one that uses gradients finds them at the weights.
    """
    graph = torch_pruning.DependencyGraph().build_dependency(
        model,
        example_inputs={"input_ids": torch.ones(1, 8, dtype=torch.long)},
        output_transform=lambda output: output.logits,
    )

    def descending(dense: nn.Module, unit: int = 1) -> Tensor:
        """The outputs of a dense layer, ``unit`` neighbours together, by the importance of their group."""
        last: Any = [*dense.modules()][-1]  # of its factors, if it has them
        channels = torch.arange(last.out_features)
        group = graph.get_pruning_group(last, torch_pruning.prune_linear_out_channels, channels.tolist())
        scores: Tensor = importance(group)
        return channels.view(-1, unit)[scores.view(-1, unit).sum(dim=1).argsort(descending=True, stable=True)].flatten()

    layers: Any = model.layers
    # Query, key and the output projection are in the value's group, the second dense layer in the first's, and
    # all that reads or writes the residual stream in the last layer's.
    orders: dict[tuple[str, int | None], Tensor] = {
        ("hidden", None): descending(layers[-1].feed_forward.contract),
        ("pooled", None): descending(model.pooler),
    }
    for index, layer in enumerate(layers):
        orders["heads", index] = descending(layer.attention.value, unit=model.config.head_size)
        orders["ffn", index] = descending(layer.feed_forward.expand)
    axes = axes_of(model)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            for axis, counted in enumerate(axes[name]):
                if counted is not None:
                    order = orders[counted, layer_of(name) if counted in {"heads", "ffn"} else None]
                    weight.copy_(weight.index_select(axis, order))
