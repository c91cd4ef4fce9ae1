"""Screening: on a slow board, only candidates that may reach the front are measured.

Every candidate is measured here as well, which takes seconds. From those that the board has measured, a predictor
learns how many times longer each kind of kernel takes there; a proposal that would be over budget or dominated even if
the prediction were wrong by as much as it ever was is not sent. Whatever is on the front was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from results.choosing import eligible
from results.costs import Costs
from results.front import losses, non_dominated
from results.records import TrialRecord
from search.study.workbench import Workbench
from spaces import Candidate


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
    if bench.screen is None:
        return None
    costs = bench.screen.look(folder)
    if costs is None:
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
    own = losses({**at_best, "score": score}, bench.config.objectives)
    for record in eligible(past):
        theirs = losses(record.figures, bench.config.objectives)
        if not non_dominated(np.array([own, theirs]))[0]:
            return costs, score, f"{how}: dominated by #{record.number}"
    return None
