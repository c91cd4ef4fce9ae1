"""Compression: everything that makes an encoder smaller or faster, as steps that a candidate combines."""

from search.compression.recipe import apply, steps_of_the_artifact, steps_of_the_encoder, steps_of_the_weights
from search.compression.step import NOTHING_KNOWN, Draft, Material, Step

__all__ = [
    "NOTHING_KNOWN",
    "Draft",
    "Material",
    "Step",
    "apply",
    "steps_of_the_artifact",
    "steps_of_the_encoder",
    "steps_of_the_weights",
]
