"""Screening: on a slow board, only candidates that may reach the front are measured.

Every candidate is measured here as well, which takes seconds. From those that the board has measured, a predictor
learns how many times longer each kind of kernel takes there; a proposal that would be over budget or dominated even if
the prediction were wrong by as much as it ever was is not sent. Whatever is on the front was measured.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from results.attempts import Attempt
from results.choosing import eligible
from results.front import losses, non_dominated
from search.study.job import Job
from search.study.strategy import Weights
from search.study.workbench import Workbench


def screened(bench: Workbench, weights: Weights, job: Job, folder: Path) -> Attempt | None:
    """The attempt at a candidate that is not worth the board's time, with predicted costs; None for any other.

    Args:
        bench: What the study's trials share.
        weights: Where they say that what was cut can be scored, it is scored here, which takes seconds.
        job: The trial.
        folder: Where its artefact is.
    """
    if bench.screen is None:
        return None
    costs = bench.screen.look(folder)
    if costs is None or job.entrant:
        return None
    errors = bench.screen.errors
    how = f"{costs.latency_ms:.2f} ms predicted, {np.median(errors):.0%} median error"
    at_best = bench.screen.at_best(costs).figures
    over = bench.config.budgets.over(at_best)
    if over:
        return replace(job.attempt, costs=costs, screened=f"{how}: {over} at best")
    if not weights.scored_as_cut:
        return None
    score = bench.examiner.score(folder)
    own = losses({**at_best, "score": score}, bench.config.objectives)
    for record in eligible(job.past):
        theirs = losses(record.figures, bench.config.objectives)
        if not non_dominated(np.array([own, theirs]))[0]:
            return replace(job.attempt, costs=costs, score=score, screened=f"{how}: dominated by #{record.number}")
    return None
