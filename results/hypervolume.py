"""The hypervolume of a front: how much of the space between the worst and the ideal it dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import moocore
import numpy as np

from results.choosing import Standing
from results.records import TrialRecord


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
    return float(moocore.hypervolume(np.array(inside), ref=np.ones(1 + len(worst))))


def worst_costs(trials: Sequence[TrialRecord], objectives: Sequence[str]) -> dict[str, float]:
    """The largest of each cost among the entrants, which the full-size model has; without any, among all trials."""
    measured = [trial for trial in trials if trial.costs]
    known = [trial for trial in measured if trial.entrant] or measured
    return {name: max(trial.figures[name] for trial in known) for name in objectives if name != "score" and known}


def front_hypervolume(standing: Standing, objectives: Sequence[str]) -> float:
    """The hypervolume of a study's front up to the full-size model's costs."""
    return hypervolume([member.figures for member in standing.members], worst_costs(standing.trials, objectives))


def hypervolume_over_time(trials: Sequence[TrialRecord], objectives: Sequence[str]) -> list[tuple[float, float]]:
    """The seconds that trials took so far, and the hypervolume of what they found, after each that added to it."""
    worst, found, story, seconds = worst_costs(trials, objectives), list[Mapping[str, float]](), [(0.0, 0.0)], 0.0
    for trial in trials:
        seconds += trial.seconds
        if trial.status == "scored" and trial.repeats is None:
            volume = hypervolume([*found, trial.figures], worst)
            if volume > story[-1][1]:
                found.append(trial.figures)
                story.append((seconds, volume))
    return [*story, (seconds, story[-1][1])]
