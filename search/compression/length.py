"""The cap on length: longer texts are cut, and the positions that are never read are left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from search.compression.step import Draft, Step
from search.models.assembling import assembled, taken_apart
from search.models.families.family import POSITIONS


@dataclass(frozen=True)
class CapLength(Step):
    """Cut texts after so many word pieces."""

    max_tokens: int

    def apply(self, draft: Draft) -> Draft:
        """The draft with the cap, and an encoder of no more positions."""
        max_tokens = min(self.max_tokens, draft.max_tokens)
        config, weights = taken_apart(draft.model)
        weights[POSITIONS] = weights[POSITIONS][:max_tokens]
        config.max_position_embeddings = len(weights[POSITIONS])
        return replace(draft, model=assembled(config, weights), max_tokens=max_tokens)
