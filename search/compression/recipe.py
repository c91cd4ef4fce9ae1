"""The recipe of a candidate: its steps, in their order. This is the list of all that there are."""

from __future__ import annotations

from collections.abc import Iterable

from search.compression.exporting import Export
from search.compression.length import CapLength
from search.compression.low_rank import FactoriseDense, FactoriseEmbeddings
from search.compression.pruning import Prune
from search.compression.quantisation import DynamicInt8, Int4, StaticInt8
from search.compression.step import Draft, Material, Step
from search.compression.vocabulary import TrimVocabulary
from spaces import Candidate, Compression


def steps_of_the_weights(candidate: Candidate) -> list[Step]:
    """What is done before a candidate trains, so that it learns to make up for it."""
    compression = candidate.compression
    steps: list[Step] = [Prune(candidate.architecture)]
    if compression.embedding_rank is not None:
        steps.append(FactoriseEmbeddings(compression.embedding_rank))
    if compression.dense_rank is not None:
        steps.append(FactoriseDense(compression.dense_rank))
    return steps


def steps_of_the_encoder(compression: Compression, material: Material) -> list[Step]:
    """What is done to a trained encoder, whose answers to texts like the training texts stay the same."""
    steps: list[Step] = []
    if compression.vocabulary is not None:
        steps.append(TrimVocabulary(sorted(material.pieces[: compression.vocabulary])))
    if compression.max_tokens is not None:
        steps.append(CapLength(compression.max_tokens))
    return steps


def steps_of_the_artifact(compression: Compression, material: Material) -> list[Step]:
    """How the encoder becomes the graph that is deployed."""
    options = (compression.per_channel, compression.unquantised)
    match compression.quantisation:
        case "none":
            return [Export()]
        case "dynamic-int8" if options == (False, "nothing"):
            return [Export(int8=True)]
        case "dynamic-int8":
            return [Export(), DynamicInt8(*options)]
        case "static-int8":
            return [Export(), StaticInt8(*options, texts=material.texts)]
        case "int4":
            return [Export(), Int4(compression.unquantised)]


def apply(steps: Iterable[Step], draft: Draft) -> Draft:
    """A draft with all steps done, one after the other."""
    for step in steps:
        draft = step.apply(draft)
    return draft
