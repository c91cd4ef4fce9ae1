"""Early stopping with several objectives: a trial in training ends when it can no longer reach the front."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

# So many trials go to their end before any is stopped, because a margin has to be learnt first.
MIN_FINISHED = 3


@dataclass(frozen=True)
class Curve:
    """How a trial's score grew.

    Attributes:
        costs: Its costs, all to be minimised.
        scores: Its validation score at each report; reports are the same number of texts apart in all trials.
        finished: Whether it went to its end; the last score is the final one then.
    """

    costs: tuple[float, ...]
    scores: tuple[float, ...]
    finished: bool = True

    def costs_no_more_than(self, other: Curve) -> bool:
        """Whether no cost is above the other's."""
        return all(mine <= theirs for mine, theirs in zip(self.costs, other.costs, strict=True))


def is_hopeless(trial: Curve, past: Sequence[Curve]) -> bool:
    """Whether a trial in training will not reach the front.

    Its costs are known before it trains. Those who could dominate it are the trials that cost no more. It is
    stopped when even its best score so far is below the median of theirs at the same report (the median rule of
    Golovin et al. 2017, Google Vizier) by more than trials usually come back from: see ``margin``.

    Args:
        trial: What it has shown so far.
        past: The study's earlier trials.
    """
    finished = [curve for curve in past if curve.finished]
    reports = len(trial.scores)
    rivals = [
        curve.scores[reports - 1] for curve in past if len(curve.scores) >= reports and curve.costs_no_more_than(trial)
    ]
    if len(finished) < MIN_FINISHED or not rivals:
        return False
    return max(trial.scores) < statistics.median(rivals) - margin(finished, reports)


def margin(finished: Sequence[Curve], reports: int) -> float:
    """How far trials are behind, after so many reports, those that could dominate them and that they later beat.

    The median over such pairs, where one that was never behind counts 0; without any, 0.
    """
    comebacks = [
        max(0.0, rival.scores[reports - 1] - curve.scores[reports - 1])
        for rival, curve in permutations(finished, 2)
        if min(len(rival.scores), len(curve.scores)) >= reports
        and rival.costs_no_more_than(curve)
        and curve.scores[-1] > rival.scores[-1]
    ]
    return statistics.median(comebacks or [0.0])
