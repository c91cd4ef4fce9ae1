"""The choices of a compression, and how a trial makes those that make sense together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import optuna
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from spaces.candidate import Compression, Quantisation, Unquantised
from spaces.choices import OneOf, as_choice, of_full_size
from spaces.corpus import Corpus

Percent = Annotated[int, Field(ge=1, le=100)]

# Some choices are percentages of the encoder's width, and others are decided by the task's texts.
RANKS = ("embedding_rank", "dense_rank")
OF_TEXTS = ("vocabulary", "max_tokens")
# They go from the smallest file to the largest.
BY_SIZE: tuple[Quantisation, ...] = ("int4", "dynamic-int8", "static-int8", "none")


class CompressionChoices(BaseModel):
    """The choices of a compression.

    Attributes:
        quantisation: How weights and activations are stored and multiplied.
        per_channel: Whether each output channel has an int8 scale of its own; put to a trial with int8 alone.
        unquantised: Weights that stay fp32; put to a trial that quantises.
        embedding_rank: Channels of factorised word embeddings, in percent of the width; 100% leaves them whole.
        dense_rank: Channels between the factors of a dense layer, in percent of the width; 100% leaves it whole.
        vocabulary: Word pieces that are kept, as a number or in percent: those that the training texts use, single
            characters, and the most frequent others. Any text can still be read. Left out, all are kept.
        max_tokens: Word pieces after which a text is cut, as a number or as a percentile of the training texts'
            lengths, such as ``95%``. Left out, the task's own limit holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    quantisation: Annotated[OneOf[Quantisation], BeforeValidator(as_choice)]
    per_channel: Annotated[OneOf[bool], BeforeValidator(as_choice)] = OneOf[bool](values=(False,))
    unquantised: Annotated[OneOf[Unquantised], BeforeValidator(as_choice)] = OneOf[Unquantised](values=("nothing",))
    embedding_rank: Annotated[OneOf[Percent], BeforeValidator(as_choice)] = OneOf[Percent](values=(100,))
    dense_rank: Annotated[OneOf[Percent], BeforeValidator(as_choice)] = OneOf[Percent](values=(100,))
    vocabulary: Annotated[OneOf[int], BeforeValidator(as_choice)] | None = None
    max_tokens: Annotated[OneOf[int], BeforeValidator(as_choice)] | None = None

    @property
    def n_points(self) -> float:
        """How many different compressions there are."""
        of_a_quantisation = {
            "none": 1.0,
            "int4": self.unquantised.n_points,
            "dynamic-int8": self.unquantised.n_points * self.per_channel.n_points,
            "static-int8": self.unquantised.n_points * self.per_channel.n_points,
        }
        points = sum(of_a_quantisation[quantisation] for quantisation in self.quantisation.values)
        for choice in (self.embedding_rank, self.dense_rank, self.vocabulary, self.max_tokens):
            points *= 1 if choice is None else choice.n_points
        return points

    def sample(self, trial: optuna.trial.BaseTrial, hidden_size: int, corpus: Corpus | None) -> Compression:
        """Let ``trial`` choose a compression of an encoder so wide."""
        quantisation = self.quantisation.suggest(trial, "quantisation")
        options: dict[str, Any] = {}
        if quantisation != "none":
            options["unquantised"] = self.unquantised.suggest(trial, "unquantised")
        if "int8" in quantisation:
            options["per_channel"] = self.per_channel.suggest(trial, "per_channel")
        for name in (*RANKS, *OF_TEXTS):
            choice = getattr(self, name)
            if choice is not None:
                options[name] = choice.suggest(trial, name)
        return self._made({"quantisation": quantisation, **options}, hidden_size, corpus)

    def parameters(self, compression: Compression, hidden_size: int) -> dict[str, Any]:
        """What Optuna calls the choices of a compression, as far as these choices have them."""
        made = compression.model_dump(include={"quantisation", "per_channel", "unquantised"})
        for name in RANKS:
            wanted, percentages = getattr(compression, name), getattr(self, name).values
            made[name] = next((percent for percent in percentages if _rank(percent, hidden_size) == wanted), None)
        for name in OF_TEXTS:
            wanted, sizes = getattr(compression, name), getattr(self, name)
            if sizes is not None:
                made[name] = max(sizes.values) if wanted is None else wanted
        return made

    def smallest(self, quantisation: Quantisation, hidden_size: int, corpus: Corpus | None) -> Compression:
        """The compression of this quantisation that no other undercuts in size."""
        chosen: dict[str, Any] = {"quantisation": quantisation}
        if quantisation != "none" and "nothing" not in self.unquantised.values:
            chosen["unquantised"] = self.unquantised.values[0]
        if "int8" in quantisation:
            chosen["per_channel"] = min(self.per_channel.values)
        for name in (*RANKS, *OF_TEXTS):
            choice = getattr(self, name)
            if choice is not None:
                chosen[name] = min(choice.values)
        return self._made(chosen, hidden_size, corpus)

    @staticmethod
    def _made(chosen: Mapping[str, Any], hidden_size: int, corpus: Corpus | None) -> Compression:
        """A compression of these choices, where what leaves everything as it is is None."""
        made = dict(chosen)
        for name in RANKS:
            made[name] = _rank(made[name], hidden_size)
        if corpus is not None:
            for name, whole in (("vocabulary", corpus.vocabulary), ("max_tokens", corpus.longest)):
                if name in made and made[name] >= whole:
                    made[name] = None
        return Compression(**made)


def of_corpus(raw: Mapping[str, Any], corpus: Corpus | None) -> dict[str, Any]:
    """A compression's YAML with percentages as numbers: of the vocabulary, and percentiles of the texts' lengths.

    A vocabulary keeps what the texts need in any case. Values that fall together are kept once. Without a corpus
    there is no choice of the two.

    Raises:
        ValueError: A rank that is no percentage, or a length that is neither a number nor a percentile.
    """
    resolved = dict(raw)
    for name in {*RANKS} & resolved.keys():
        values = _listed(resolved[name])
        if not all(str(value).endswith("%") for value in values):
            raise ValueError(f"{name}: {resolved[name]} is no percentage of the encoder's width such as '50%'")
        resolved[name] = of_full_size(values, 100)
    for name in {*OF_TEXTS} & resolved.keys():
        if corpus is None:
            del resolved[name]
            continue
        values = _listed(resolved[name])
        if name == "vocabulary":
            sizes = [
                max(corpus.needed, min(size, corpus.vocabulary)) for size in of_full_size(values, corpus.vocabulary)
            ]
        else:
            # of_full_size gives a percentile as a percentage of a hundred.
            whole = {value: of_full_size(value, 100) for value in values if isinstance(value, str)}
            sizes = [corpus.lengths[min(whole[value], 100)] if value in whole else value for value in values]
        resolved[name] = list(dict.fromkeys(sizes))
    return resolved


def _listed(raw: Any) -> list[Any]:
    return list(raw) if isinstance(raw, list | tuple) else [raw]


def _rank(percent: int, hidden_size: int) -> int | None:
    """The rank that a percentage of the width is; None for all of it."""
    return None if percent == 100 else max(1, round(percent / 100 * hidden_size))
