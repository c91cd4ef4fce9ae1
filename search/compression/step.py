"""A step: one thing that is done to an encoder on its way to the artefact."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from transformers import PreTrainedTokenizerBase

from search.models.elastic import ElasticForSequenceClassification


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An artefact in the making.

    Attributes:
        model: The encoder.
        tokenizer: Turns texts into the word pieces that it reads.
        max_tokens: Word pieces after which a text is cut.
        graph: The encoder as ONNX, once it is exported.
    """

    model: ElasticForSequenceClassification
    tokenizer: PreTrainedTokenizerBase
    max_tokens: int
    graph: onnx.ModelProto | None = None


@dataclass(frozen=True, kw_only=True)
class Material:
    """What steps are told of a task.

    Attributes:
        pieces: The ids of all word pieces, the most needed first.
        texts: Training texts by which activations are calibrated.
    """

    pieces: Sequence[int] = ()
    texts: Sequence[str] = ()


# This is enough where no word pieces are chosen and no activations are calibrated.
NOTHING_KNOWN = Material()


class Step(ABC):
    """One thing that is done to an encoder."""

    @abstractmethod
    def apply(self, draft: Draft) -> Draft:
        """The draft with this done; the one given stays as it is."""
