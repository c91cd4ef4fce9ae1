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

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are set, by name."""
        return self.model_dump(exclude_none=True)

    @property
    def bounds(self) -> dict[str, str]:
        """The limits that are set, in words.

        Example:
            >>> Budgets(latency_ms=8, score=0.75).bounds
            {'latency_ms': 'at most 8', 'score': 'at least 0.75'}
        """
        return {
            name: f"{'at least' if name == 'score' else 'at most'} {limit:g}" for name, limit in self.limits.items()
        }

    def excess(self, figures: Mapping[str, float]) -> dict[str, float]:
        """By how much each budget that figures are there for is exceeded, as a share of it; 0 or less fits.

        Example:
            >>> Budgets(latency_ms=8, score=0.75).excess({"latency_ms": 10})
            {'latency_ms': 0.25}
        """
        return {
            name: (limit - figures[name] if name == "score" else figures[name] - limit) / (limit or 1)
            for name, limit in self.limits.items()
            if name in figures
        }

    def broken(self, figures: Mapping[str, float]) -> dict[str, float]:
        """The budgets that figures break, and by what share of each."""
        return {name: share for name, share in self.excess(figures).items() if share > 0}

    def over(self, figures: Mapping[str, float]) -> str:
        """Which limits the figures break, in words; nothing if they keep to all of them.

        A device's own memory limit is one of them: ``fits`` is 0 where the artefact does not run within it.

        Example:
            >>> Budgets(latency_ms=8, score=0.75).over({"latency_ms": 10, "score": 0.8})
            'latency_ms 10 over 8'
        """
        limits = self.limits
        words = [
            f"{name} {figures[name]:.4g} {'below' if name == 'score' else 'over'} {limits[name]:g}"
            for name in self.broken(figures)
        ]
        if figures.get("fits") == 0:
            words.append("it does not run within the device's memory limit")
        return ", ".join(words)
