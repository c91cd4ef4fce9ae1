"""The Pareto front: who is on it, and which of its members to take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

Objective = Literal["score", "latency_ms", "memory_mb", "size_mb", "energy_mj"]
Pick = Literal["knee", "best", "fastest", "smallest"]

# A knee counts a spread in full only from here on: five points of score, a doubling of a cost.
LEAST_SPAN = {"score": 0.05, "cost": math.log(2)}

# Each way of picking but the knee minimises one figure or, for the score, maximises it.
_PICKED_BY = {"best": "score", "fastest": "latency_ms", "smallest": "size_mb"}


def losses(figures: Mapping[str, float], objectives: Sequence[str]) -> list[float]:
    """A trial's objectives as values to minimise: costs as they are, the score negated."""
    return [-figures[name] if name == "score" else figures[name] for name in objectives]


def non_dominated(points: np.ndarray) -> np.ndarray:
    """Which of the (n, objectives) points, all to be minimised, no other point dominates.

    A point dominates another if it is nowhere worse and somewhere better; equal points don't dominate
    each other.

    Returns:
        (n,) booleans.

    Example:
        >>> non_dominated(np.array([[1, 3], [2, 2], [3, 3]])).tolist()
        [True, True, False]
    """
    nowhere_worse = (points[:, None, :] <= points[None, :, :]).all(axis=2)
    somewhere_better = (points[:, None, :] < points[None, :, :]).any(axis=2)
    dominated = (nowhere_worse & somewhere_better).any(axis=0)
    return np.asarray(~dominated)


def knee(candidates: Sequence[Mapping[str, float]], objectives: Sequence[str]) -> int:
    """The index of the candidate that gives up least: nearest to the ideal of the best in every objective.

    Each objective counts from 0, the best there is, to 1, the worst (compromise programming, Zeleny 1973).
    Costs count by their ratio, since twice as slow is as bad at 2 ms as at 20. A spread below
    ``LEAST_SPAN`` doesn't count in full: a hair's breadth of latency is no reason to give up score.

    Args:
        candidates: The figures of each, at least one.
        objectives: What is weighed up.
    """
    points = np.array([_weighed(figures, objectives) for figures in candidates])
    least = [LEAST_SPAN["score" if name == "score" else "cost"] for name in objectives]
    span = np.maximum(np.ptp(points, axis=0), least)
    return int(np.linalg.norm((points - points.min(axis=0)) / span, axis=1).argmin())


def pick(candidates: Sequence[Mapping[str, float]], objectives: Sequence[str], how: Pick) -> int:
    """The index of the candidate to take, by its figures.

    Args:
        candidates: The figures of each, at least one.
        objectives: What the knee weighs up.
        how: ``knee``, ``best`` score, ``fastest`` or ``smallest``; the knee decides between equals.
    """
    chosen = list(range(len(candidates)))
    if how != "knee":
        values = [losses(figures, [_PICKED_BY[how]])[0] for figures in candidates]
        chosen = [index for index in chosen if values[index] == min(values)]
    return chosen[knee([candidates[index] for index in chosen], objectives)]


def _weighed(figures: Mapping[str, float], objectives: Sequence[str]) -> list[float]:
    return [-figures[name] if name == "score" else math.log(figures[name]) for name in objectives]
