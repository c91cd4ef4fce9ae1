"""A candidate: one point of the space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, model_validator

Quantisation = Literal["none", "dynamic-int8"]


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
    """

    layers: tuple[int, ...]
    heads: tuple[PositiveInt, ...]
    ffn_sizes: tuple[PositiveInt, ...]
    hidden_size: PositiveInt

    @model_validator(mode="after")
    def _one_size_for_each_layer(self) -> Self:
        if not self.layers or not len(self.layers) == len(self.heads) == len(self.ffn_sizes):
            raise ValueError("layers, heads and ffn_sizes must name the same number of layers, at least one")
        if list(self.layers) != sorted(set(self.layers)) or self.layers[0] < 0:
            raise ValueError(f"layers must ascend from 0 or more without repeats, not {self.layers}")
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
    """What is done to the artefact after training."""

    quantisation: Quantisation = "none"


class Training(_Choices):
    """How a candidate is fine-tuned: for some epochs, or for some steps where those are given."""

    learning_rate: PositiveFloat
    epochs: PositiveInt = 1
    batch_size: PositiveInt
    steps: PositiveInt | None = None


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
    def label(self) -> str:
        """What an engineer sees in a list, such as ``4L 8H 768F 384W int8``.

        Example:
            >>> architecture = Architecture(layers=(0, 5), heads=(8, 12), ffn_sizes=(768, 768), hidden_size=384)
            >>> Candidate(architecture=architecture, compression=Compression()).label
            '2L 8-12H 768F 384W fp32'
        """
        architecture = self.architecture
        precision = {"none": "fp32", "dynamic-int8": "int8"}[self.compression.quantisation]
        heads, ffn_sizes = _span(architecture.heads), _span(architecture.ffn_sizes)
        return f"{architecture.depth}L {heads}H {ffn_sizes}F {architecture.hidden_size}W {precision}"


def _span(sizes: Sequence[int]) -> str:
    low, high = min(sizes), max(sizes)
    return str(low) if low == high else f"{low}-{high}"
