"""Budgets: hard limits on costs, and a floor under the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat


class Budgets(BaseModel):
    """Hard limits on costs, and a floor under the score.

    Attributes:
        latency_ms: The median time of one text at most, in milliseconds.
        memory_mb: The peak memory of the process that runs the artefact at most, in 10^6 bytes.
        size_mb: The model with its tokenizer on disk at most, in 10^6 bytes.
        energy_mj: What one text takes at most, in millijoules.
        score: The task's metric on the validation split at least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    latency_ms: PositiveFloat | None = None
    memory_mb: PositiveFloat | None = None
    size_mb: PositiveFloat | None = None
    energy_mj: PositiveFloat | None = None
    score: Annotated[float, Field(ge=0, le=1)] | None = None

    def excess(self, figures: Mapping[str, float]) -> dict[str, float]:
        """By how much each budget that figures are there for is exceeded, as a share of it; 0 or less fits."""
        return excess(self.model_dump(exclude_none=True), figures)


def excess(budgets: Mapping[str, float], figures: Mapping[str, float]) -> dict[str, float]:
    """By how much each budget that figures are there for is exceeded, as a share of it; 0 or less fits.

    Example:
        >>> excess({"latency_ms": 8, "score": 0.75}, {"latency_ms": 10})
        {'latency_ms': 0.25}
    """
    return {
        name: (limit - figures[name] if name == "score" else figures[name] - limit) / (limit or 1)
        for name, limit in budgets.items()
        if name in figures
    }
