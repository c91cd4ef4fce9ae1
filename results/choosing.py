"""Where a study stands: its front, the member to take, and what was found out at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from results.budgets import Budgets
from results.front import Pick, losses, non_dominated, pick
from results.records import Comparison, TrialRecord
from spaces.baselines import Entrants

Outcome = Literal["front", "dominated", "over-budget", "screened", "stopped", "worse", "failed", "repeat", "superseded"]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a study stands.

    Attributes:
        trials: The finished trials, in order.
        front: The numbers of those on the front, in the order of the first objective, best first.
        recommended: The number of the one to take; None while there is none.
        superseded: The numbers of those whose polished version takes their place.
    """

    trials: tuple[TrialRecord, ...] = ()
    front: tuple[int, ...] = ()
    recommended: int | None = None
    superseded: frozenset[int] = frozenset()

    def trial(self, number: int) -> TrialRecord:
        """The finished trial of a number."""
        return next(trial for trial in self.trials if trial.number == number)

    @property
    def chosen(self) -> TrialRecord | None:
        """The trial to take, if there is one."""
        return None if self.recommended is None else self.trial(self.recommended)

    @property
    def members(self) -> list[TrialRecord]:
        """The trials on the front."""
        by_number = {trial.number: trial for trial in self.trials}
        return [by_number[number] for number in self.front]

    @property
    def n_tried(self) -> int:
        """How many candidates have been tried; polishing tries no new ones."""
        return sum(trial.polishes is None for trial in self.trials)

    def outcome(self, trial: TrialRecord) -> Outcome:
        """How a trial ended, as far as is known now."""
        if trial.repeats is not None:
            return "repeat"
        if trial.status != "scored":
            return trial.status
        if trial.number in self.superseded:
            return "superseded"
        return "front" if trial.number in self.front else "dominated"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run of a study ended.

    Attributes:
        standing: Where the study stands now.
        test_score: The recommended candidate's score on the test split; None where nothing is recommended.
        comparison: It against the full-size model; None where either is missing.
        screening_error: The median relative error of the latencies that were predicted for a slow board; None where
            nothing was.
        stopped: What stopped it before its time, if anything.
        n_trials: How many trials there were then; where there are more now, the study has gone on.
    """

    standing: Standing
    test_score: float | None = None
    comparison: Comparison | None = None
    screening_error: float | None = None
    stopped: str = ""
    n_trials: int = 0


def standing_of(records: Sequence[TrialRecord], objectives: Sequence[str]) -> Standing:
    """Where a study with these finished trials stands."""
    scored = eligible(records)
    superseded = frozenset(record.polishes for record in scored if record.polishes is not None)
    return _standing(tuple(records), scored, superseded, objectives)


def standing_after(standing: Standing, record: TrialRecord, objectives: Sequence[str]) -> Standing:
    """Where a study stands after one more trial.

    What was dominated before stays so: only the front's members and the newcomer are compared, so that the
    thousandth trial takes no longer than the tenth.
    """
    trials = (*standing.trials, record)
    if record.polishes is not None:
        # It may take the place of a member that kept others off the front.
        return standing_of(trials, objectives)
    return _standing(trials, [*standing.members, *eligible([record])], standing.superseded, objectives)


def eligible(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The trials that have a score within the budgets, each candidate once."""
    return [record for record in records if record.status == "scored" and record.repeats is None]


def _standing(
    trials: tuple[TrialRecord, ...],
    scored: Sequence[TrialRecord],
    superseded: frozenset[int],
    objectives: Sequence[str],
) -> Standing:
    contenders = [record for record in scored if record.number not in superseded]
    if not contenders:
        return Standing(trials=trials)
    points = np.array([losses(record.figures, objectives) for record in contenders])
    members = [record for record, on_front in zip(contenders, non_dominated(points), strict=True) if on_front]
    members.sort(key=lambda record: losses(record.figures, objectives))
    recommended = members[pick([member.figures for member in members], objectives, "knee")]
    return Standing(
        trials=trials,
        front=tuple(member.number for member in members),
        recommended=recommended.number,
        superseded=superseded,
    )


def picked(records: Iterable[TrialRecord], limits: Budgets, objectives: Sequence[str], how: Pick) -> TrialRecord | None:
    """The trial to take of those that keep to some limits, from their own front; None where none does.

    Without limits, the knee is the study's recommended trial.
    """
    members = standing_of([record for record in records if not limits.broken(record.figures)], objectives).members
    return members[pick([member.figures for member in members], objectives, how)] if members else None


def full_int8(records: Iterable[TrialRecord], entrants: Entrants) -> TrialRecord | None:
    """The trial of the full-size model as int8, if it has a score."""
    scored = (record for record in records if record.entrant and record.score is not None)
    return next((record for record in scored if record.candidate == entrants.full_int8), None)
