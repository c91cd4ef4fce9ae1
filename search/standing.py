"""Where a study stands: its front, and the member to take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from search.front import losses, non_dominated, pick
from trackers.records import Standing, TrialRecord


def standing_of(records: Sequence[TrialRecord], objectives: Sequence[str]) -> Standing:
    """Where a study with these finished trials stands."""
    return _standing(tuple(records), _contenders(records), objectives)


def standing_after(standing: Standing, record: TrialRecord, objectives: Sequence[str]) -> Standing:
    """Where a study stands after one more trial.

    What was dominated before stays so: only the front's members and the newcomer are compared, so that the
    thousandth trial takes no longer than the tenth.
    """
    return _standing((*standing.trials, record), [*standing.members, *_contenders([record])], objectives)


def _contenders(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    return [record for record in records if record.status == "scored" and record.repeats is None]


def _standing(
    trials: tuple[TrialRecord, ...], contenders: Sequence[TrialRecord], objectives: Sequence[str]
) -> Standing:
    if not contenders:
        return Standing(trials=trials)
    points = np.array([losses(record.figures, objectives) for record in contenders])
    members = [record for record, on_front in zip(contenders, non_dominated(points), strict=True) if on_front]
    members.sort(key=lambda record: losses(record.figures, objectives))
    recommended = members[pick([member.figures for member in members], objectives, "knee")]
    return Standing(trials=trials, front=tuple(member.number for member in members), recommended=recommended.number)
