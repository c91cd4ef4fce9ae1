"""Structured pruning: layers, heads, FFN channels and hidden channels are cut off."""

from __future__ import annotations

from dataclasses import dataclass, replace

from search.compression.step import Draft, Step
from search.models.slicing import cut
from spaces import Architecture


@dataclass(frozen=True)
class Prune(Step):
    """Cut an encoder to the sizes of an architecture; what matters most has to be in front: see ``ordering``."""

    architecture: Architecture

    def apply(self, draft: Draft) -> Draft:
        """The draft with the smaller encoder."""
        return replace(draft, model=cut(draft.model, self.architecture))
