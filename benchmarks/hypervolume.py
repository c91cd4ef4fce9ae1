"""The hypervolume of a front: how much of the space between the worst and the ideal it dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from optuna._hypervolume import compute_hypervolume  # not public, and the tested one; optuna is pinned


def hypervolume(figures: Sequence[Mapping[str, float]], worst: Mapping[str, float]) -> float:
    """The share of the box from score 1 at no cost to score 0 at the ``worst`` costs that is dominated.

    Args:
        figures: Score and costs of each trial; what is beyond the worst adds nothing.
        worst: The largest of each cost that counts.
    """
    points = [[1 - f["score"], *(f[name] / limit for name, limit in worst.items())] for f in figures]
    inside = [point for point in points if max(point) <= 1]
    if not inside:
        return 0.0
    return float(compute_hypervolume(np.array(inside), np.ones(1 + len(worst))))
