"""Candidates as rows of figures: what a plot can show of their choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Any

from results.records import TrialRecord
from spaces import Candidate

# So many different values are still told one by one.
MOST_CATEGORIES = 8


@dataclass(frozen=True)
class Feature:
    """A choice that differs between trials.

    Attributes:
        name: What it is called.
        values: Of each trial: the number itself, or its place among the categories.
        categories: Their names in order; none where the values are numbers.
    """

    name: str
    values: tuple[float, ...]
    categories: tuple[str, ...] = ()


def features(trials: Sequence[TrialRecord]) -> list[Feature]:
    """The choices of the trials' candidates that differ, those of the architecture first.

    What differs from layer to layer counts by its mean. None, which leaves something whole, comes after all numbers.
    """
    rows = [_flat(trial.candidate) for trial in trials]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    return [_feature(name, column) for name, column in columns.items() if len({*map(str, column)}) > 1]


def _flat(candidate: Candidate) -> dict[str, Any]:
    sections = candidate.model_dump(exclude={"architecture": {"layers"}}, exclude_none=True).values()
    flat: dict[str, Any] = {"depth": candidate.architecture.depth}
    for name, value in chain.from_iterable(section.items() for section in sections):
        flat[name] = fmean(value) if isinstance(value, tuple) else value
    return flat


def _feature(name: str, column: Sequence[Any]) -> Feature:
    if all(map(_is_number, column)) and len({*column}) > MOST_CATEGORIES:
        return Feature(name, tuple(float(value) for value in column))
    ordered = sorted({*column}, key=_place)
    return Feature(
        name,
        tuple(float(ordered.index(value)) for value in column),
        tuple("whole" if value is None else f"{value:g}" if _is_number(value) else str(value) for value in ordered),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _place(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, then words by the alphabet, then None."""
    return value is None, float(value) if _is_number(value) else 0.0, "" if _is_number(value) else str(value)
