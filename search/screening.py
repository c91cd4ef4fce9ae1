"""Screening: on a slow board, only candidates that may reach the front are measured.

Every candidate is measured here as well, which takes seconds. From those that the board has measured, a predictor
learns how many times longer each kind of kernel takes there; a proposal that would be over budget or dominated even if
the prediction were wrong by as much as it ever was is not sent. Whatever is on the front was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from search.devices.costs import Costs
from search.front import losses
from search.standing import eligible
from search.workbench import Workbench
from spaces import Candidate
from trackers.records import TrialRecord


def screened(
    bench: Workbench, candidate: Candidate, folder: Path, past: Sequence[TrialRecord]
) -> tuple[Costs, float | None, str] | None:
    """The predicted costs, score and reason of a candidate that is not worth the board's time; None for any other.

    Args:
        bench: What the study's trials share.
        candidate: What was proposed; it is scored here if it inherits its weights, which takes seconds.
        folder: Where its artefact is.
        past: The study's earlier trials.
    """
    costs = None if bench.screen is None else bench.screen.look(folder)
    if bench.screen is None or costs is None:
        return None
    errors = bench.screen.errors
    how = f"{costs.latency_ms:.2f} ms predicted, {np.median(errors):.0%} median error"
    at_best = bench.screen.at_best(costs).figures
    over = bench.over_budget(at_best)
    if over:
        return costs, None, f"{how}: {over} at best"
    if candidate.training is not None or bench.config.trial_steps:
        return None
    score = bench.score(folder)
    better = _dominating({**at_best, "score": score}, past, bench.config.objectives)
    return None if better is None else (costs, score, f"{how}: dominated by #{better}")


def _dominating(figures: Mapping[str, float], past: Sequence[TrialRecord], objectives: Sequence[str]) -> int | None:
    """The number of a measured trial that is nowhere worse and somewhere better."""
    own = np.array(losses(figures, objectives))
    for record in eligible(past):
        theirs = np.array(losses(record.figures, objectives))
        if (theirs <= own).all() and (theirs < own).any():
            return record.number
    return None
