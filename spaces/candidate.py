"""A candidate: one point of the space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, model_validator

Quantisation = Literal["none", "dynamic-int8", "static-int8", "int4"]
Importance = Literal["magnitude", "taylor", "hessian", "random"]
Unquantised = Literal["nothing", "embeddings", "ffn-outputs"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of an encoder at full size, which a space's percentages refer to.

    Attributes:
        depth: Number of encoder layers.
        heads: Attention heads of a layer.
        head_size: Channels of one head; pruning heads leaves it as it is.
        ffn_size: Channels of a feed-forward block.
        hidden_size: Channels of the residual stream.
        resizable: Whether sizes may be chosen freely, which only an encoder without pretrained weights allows.
    """

    depth: int
    heads: int
    head_size: int
    ffn_size: int
    hidden_size: int
    resizable: bool = False


class _Choices(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Architecture(_Choices):
    """The sizes of a candidate's encoder.

    Attributes:
        layers: Which of the backbone's layers are kept, from the input upwards.
        heads: Attention heads of each kept layer.
        ffn_sizes: Feed-forward channels of each kept layer.
        hidden_size: Channels of the residual stream.
        shared: Whether all layers have the same weights, as those of ALBERT (Lan et al. 2020, arXiv 1909.11942).
    """

    layers: tuple[int, ...]
    heads: tuple[PositiveInt, ...]
    ffn_sizes: tuple[PositiveInt, ...]
    hidden_size: PositiveInt
    shared: bool = False

    @model_validator(mode="after")
    def _one_size_for_each_layer(self) -> Self:
        if not self.layers or not len(self.layers) == len(self.heads) == len(self.ffn_sizes):
            raise ValueError("layers, heads and ffn_sizes must name the same number of layers, at least one")
        if list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise ValueError(f"layers must ascend from 0 or more without repeats, not {self.layers}")
        if self.shared and len({*self.heads}) * len({*self.ffn_sizes}) > 1:
            raise ValueError("layers that share their weights must be alike in heads and ffn_sizes")
        return self

    @classmethod
    def uniform(cls, layers: Iterable[int], *, heads: int, ffn_size: int, hidden_size: int) -> Self:
        """An encoder whose layers are all alike."""
        kept = tuple(layers)
        return cls(layers=kept, heads=(heads,) * len(kept), ffn_sizes=(ffn_size,) * len(kept), hidden_size=hidden_size)

    @property
    def depth(self) -> int:
        """Number of encoder layers."""
        return len(self.layers)


class Compression(_Choices):
    """What makes the artefact smaller or faster beside its architecture.

    Attributes:
        embedding_rank: Channels of the factorised word embeddings; None where they are whole.
        dense_rank: Channels between the factors of a dense layer, where that saves weights; None where none is
            factorised.
        vocabulary: Word pieces that are kept; None for all.
        max_tokens: Word pieces after which a text is cut; None for the task's own limit.
        quantisation: How weights and activations are stored and multiplied.
        per_channel: Whether each output channel of a weight has an int8 scale of its own.
        unquantised: Weights that stay fp32.
    """

    embedding_rank: PositiveInt | None = None
    dense_rank: PositiveInt | None = None
    vocabulary: PositiveInt | None = None
    max_tokens: PositiveInt | None = None
    quantisation: Quantisation = "none"
    per_channel: bool = False
    unquantised: Unquantised = "nothing"

    @model_validator(mode="after")
    def _options_of_its_quantisation(self) -> Self:
        if self.per_channel and "int8" not in self.quantisation:
            raise ValueError(f"per_channel is a choice of int8, not of quantisation '{self.quantisation}'")
        if self.unquantised != "nothing" and self.quantisation == "none":
            raise ValueError(f"unquantised is '{self.unquantised}', and quantisation 'none' quantises nothing")
        return self

    @property
    def label(self) -> str:
        """What of it an engineer sees in a list.

        Example:
            >>> Compression(embedding_rank=96, vocabulary=8000, quantisation="dynamic-int8", per_channel=True).label
            '96E 8000V int8-channels'
        """
        sizes = {"E": self.embedding_rank, "R": self.dense_rank, "V": self.vocabulary, "T": self.max_tokens}
        words = [f"{size}{letter}" for letter, size in sizes.items() if size is not None]
        precision = {"none": "fp32", "dynamic-int8": "int8", "static-int8": "static-int8", "int4": "int4"}
        options = [
            "-channels" if self.per_channel else "",
            {"nothing": ""}.get(self.unquantised, f"-{self.unquantised}"),
        ]
        return " ".join([*words, precision[self.quantisation] + "".join(options)])


class Training(_Choices):
    """How a candidate is fine-tuned.

    Attributes:
        learning_rate: Of AdamW, at its highest.
        epochs: Passes through the texts.
        batch_size: Texts of a step.
        steps: Steps instead of epochs, where they are given.
        importance: What orders the heads and channels of which it keeps the first.
        rounds: In how many goes it is pruned; between two of them it trains, and channels are ordered anew.
    """

    learning_rate: PositiveFloat
    epochs: PositiveInt = 1
    batch_size: PositiveInt
    steps: PositiveInt | None = None
    importance: Importance = "magnitude"
    rounds: PositiveInt = 1


class Candidate(_Choices):
    """One point of the space.

    Attributes:
        architecture: The sizes of its encoder.
        compression: What is done to its artefact.
        training: How it is fine-tuned; None where it inherits its weights.
    """

    architecture: Architecture
    compression: Compression
    training: Training | None = None

    @property
    def inheritance(self) -> tuple[Any, ...]:
        """All that decides the weights that it is trained from and trained to: two alike learn the same."""
        return self.architecture, self.compression.embedding_rank, self.compression.dense_rank, self.training

    @property
    def label(self) -> str:
        """What an engineer sees in a list, such as ``4L 8H 768F 384W int8``.

        Example:
            >>> architecture = Architecture(layers=(0, 5), heads=(8, 12), ffn_sizes=(768, 768), hidden_size=384)
            >>> Candidate(architecture=architecture, compression=Compression()).label
            '2L 8-12H 768F 384W fp32'
        """
        architecture = self.architecture
        heads, ffn_sizes = _span(architecture.heads), _span(architecture.ffn_sizes)
        shared = "-shared" if architecture.shared else ""
        return (
            f"{architecture.depth}L{shared} {heads}H {ffn_sizes}F {architecture.hidden_size}W {self.compression.label}"
        )


def _span(sizes: Sequence[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low}-{high}"
