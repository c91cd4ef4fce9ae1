"""The elastic encoder: a BERT whose layers may each have their own number of heads and FFN channels.

This file imports torch and transformers alone, because a bundle carries a copy of it: its checkpoint loads
with ``AutoModelForSequenceClassification.from_pretrained(bundle, trust_remote_code=True)``.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.activations import ACT2FN
from transformers.modeling_outputs import SequenceClassifierOutput

M = TypeVar("M", bound=nn.Module)


class ElasticConfig(PreTrainedConfig):
    """Sizes of an elastic encoder; ``heads`` and ``ffn_sizes`` have an entry for each layer.

    Word embeddings of an ``embedding_rank`` are factorised, dense layers of a ``dense_rank`` too where that saves
    weights. With ``shared_layers`` the encoder runs its one layer again and again. ``family`` is what
    transformers calls the encoders that it was made of; until there were several it was not told.
    """

    model_type = "bertailor-elastic"

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 384,
        heads: tuple[int, ...] = (12,) * 6,
        head_size: int = 32,
        ffn_sizes: tuple[int, ...] = (1536,) * 6,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        hidden_act: str = "gelu",
        layer_norm_eps: float = 1e-12,
        initializer_range: float = 0.02,
        pad_token_id: int = 0,
        embedding_rank: int | None = None,
        dense_rank: int | None = None,
        shared_layers: bool = False,
        family: str = "bert",
        **kwargs: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.heads = list(heads)
        self.head_size = head_size
        self.ffn_sizes = list(ffn_sizes)
        self.num_hidden_layers = len(self.heads)
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.hidden_act = hidden_act
        self.layer_norm_eps = layer_norm_eps
        self.initializer_range = initializer_range
        self.pad_token_id = pad_token_id
        self.embedding_rank = embedding_rank
        self.dense_rank = dense_rank
        self.shared_layers = shared_layers
        self.family = family
        super().__init__(**kwargs)


def counting(module: M, *axes: str | None) -> M:
    """A module that tells by ``axes`` what the axes of its weight count; the first is that of its bias too.

    Axes that count the same are cut and sorted alike: ``hidden`` and ``pooled`` channels all through the model, the
    channels of ``heads`` and ``ffn`` within a layer. What counts None stays whole.
    """
    module.axes = axes  # type: ignore[assignment]  # torch's types know of tensors and modules alone
    return module


class Embeddings(nn.Module):
    """Sum of word, position and token-type embeddings, normalised."""

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__()
        hidden, rank = config.hidden_size, config.embedding_rank
        word = nn.Embedding(config.vocab_size, rank or hidden, padding_idx=config.pad_token_id)
        self.word = counting(word, None, None if rank else "hidden")
        self.widen = counting(nn.Linear(rank, hidden, bias=False), "hidden", None) if rank else nn.Identity()
        self.position = counting(nn.Embedding(config.max_position_embeddings, hidden), None, "hidden")
        self.token_type = counting(nn.Embedding(config.type_vocab_size, hidden), None, "hidden")
        self.norm = counting(nn.LayerNorm(hidden, eps=config.layer_norm_eps), "hidden")

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        """(batch, length) word pieces to (batch, length, hidden)."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        # Single texts are all of type 0; a graph without the second input is what small runtimes want.
        types = self.token_type.weight[0] if token_type_ids is None else self.token_type(token_type_ids)
        embedded: Tensor = self.norm(self.widen(self.word(input_ids)) + self.position(positions) + types)
        return embedded


def dense(config: ElasticConfig, n_in: int, n_out: int, out_counts: str, in_counts: str) -> nn.Module:
    """A dense layer, in two factors where the configuration has a rank that makes them the smaller."""
    rank = config.dense_rank
    if rank is None or rank * (n_in + n_out) >= n_in * n_out:
        return counting(nn.Linear(n_in, n_out), out_counts, in_counts)
    narrow = counting(nn.Linear(n_in, rank, bias=False), None, in_counts)
    widen = counting(nn.Linear(rank, n_out), out_counts, None)
    return nn.Sequential(OrderedDict(narrow=narrow, widen=widen))


class Attention(nn.Module):
    """Self-attention with its own number of heads, its output projection and normalisation."""

    def __init__(self, config: ElasticConfig, heads: int) -> None:
        super().__init__()
        self.head_size = config.head_size
        channels = heads * config.head_size
        self.query = dense(config, config.hidden_size, channels, "heads", "hidden")
        self.key = dense(config, config.hidden_size, channels, "heads", "hidden")
        self.value = dense(config, config.hidden_size, channels, "heads", "hidden")
        self.output = dense(config, channels, config.hidden_size, "hidden", "heads")
        self.norm = counting(nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps), "hidden")

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Attend from each of the (batch, length, hidden) positions to those that the mask allows."""
        # (batch, length, channels) -> (batch, heads, length, head_size); the number of heads is left open,
        # so that an exported graph holds for any.
        query, key, value = (
            project(hidden).unflatten(-1, (-1, self.head_size)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        context = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended: Tensor = self.norm(hidden + self.output(context.transpose(1, 2).flatten(2)))
        return attended


class FeedForward(nn.Module):
    """Two dense layers with its own number of channels between them, and normalisation."""

    def __init__(self, config: ElasticConfig, ffn_size: int) -> None:
        super().__init__()
        self.expand = dense(config, config.hidden_size, ffn_size, "ffn", "hidden")
        self.activation = ACT2FN[config.hidden_act]
        self.contract = dense(config, ffn_size, config.hidden_size, "hidden", "ffn")
        self.norm = counting(nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps), "hidden")

    def forward(self, hidden: Tensor) -> Tensor:
        """(batch, length, hidden) to the same."""
        transformed: Tensor = self.norm(hidden + self.contract(self.activation(self.expand(hidden))))
        return transformed


class Layer(nn.Module):
    """One encoder layer: attention, then feed-forward."""

    def __init__(self, config: ElasticConfig, heads: int, ffn_size: int) -> None:
        super().__init__()
        self.attention = Attention(config, heads)
        self.feed_forward = FeedForward(config, ffn_size)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """(batch, length, hidden) to the same."""
        transformed: Tensor = self.feed_forward(self.attention(hidden, mask))
        return transformed


class ElasticForSequenceClassification(PreTrainedModel):
    """BERT (Devlin et al. 2019, arXiv 1810.04805) for text classification, with sizes of each layer's own.

    There is no dropout: one to three epochs of fine-tuning don't need it, and on a CPU it costs a fifth of
    a training step.
    """

    config: ElasticConfig
    config_class = ElasticConfig
    base_model_prefix = ""
    main_input_name = "input_ids"

    def __init__(self, config: ElasticConfig) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        sizes = list(zip(config.heads, config.ffn_sizes, strict=True))[: 1 if config.shared_layers else None]
        self.layers = nn.ModuleList([Layer(config, heads, ffn_size) for heads, ffn_size in sizes])
        self.pooler = counting(nn.Linear(config.hidden_size, config.hidden_size), "pooled", "hidden")
        classifier = nn.Linear(config.hidden_size, config.num_labels)  # type: ignore[arg-type]
        self.classifier = counting(classifier, None, "pooled")
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Classify (batch, length) word pieces; ``logits`` are (batch, labels).

        The ``hidden_states``, if asked for, are those of the embeddings and of each layer, (batch, length, hidden).
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        mask = attention_mask[:, None, None, :].bool()  # (batch, heads, from, to)
        hidden = self.embeddings(input_ids, token_type_ids)
        states = [hidden]
        for index in range(self.config.num_hidden_layers):
            hidden = self.layers[0 if self.config.shared_layers else index](hidden, mask)
            states.append(hidden)
        logits = self.classifier(torch.tanh(self.pooler(hidden[:, 0])))
        loss = None if labels is None else self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        hidden_states = tuple(states) if output_hidden_states else None
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=hidden_states)
