"""Where a study stands: its front, and the member to take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from results.front import losses, non_dominated, pick
from results.records import Standing, TrialRecord
from spaces import Space
from spaces.baselines import baselines


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


def full_int8(records: Iterable[TrialRecord], space: Space) -> TrialRecord | None:
    """The trial of the full-size model as int8, if it has a score."""
    wanted = baselines(space)[1].model_dump(mode="json")
    return next((r for r in records if r.baseline and r.candidate == wanted and r.score is not None), None)
