"""The ledger of a study: its trials, as the sampler, Optuna's storage and the trackers are told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import optuna
from optuna.trial import Trial

from results.choosing import Standing, standing_after, standing_of
from results.records import TrialRecord
from search.config import StudyConfig
from search.sampling.samplers import make_sampler, one_thread
from search.sampling.store import finished
from search.sampling.telling import add, tell
from spaces import Candidate, Space
from trackers.tracker import Tracker


class Ledger:
    """What a study has found so far, and what it proposes next.

    Args:
        study: Optuna's side of it, which lasts.
        config: The study.
        tracker: Is told of every trial.
    """

    def __init__(self, study: optuna.Study, config: StudyConfig, tracker: Tracker) -> None:
        self.study, self.config, self.tracker = study, config, tracker
        self._asked: dict[int, Trial] = {}
        self.reload()

    def reload(self) -> None:
        """Take over what Optuna has."""
        self.records: list[TrialRecord] = finished(self.study)
        self.standing: Standing = standing_of(self.records, self.config.objectives)

    @property
    def n_sampled(self) -> int:
        """How many trials the space was sampled for: all but entrants and polishing."""
        return sum(not record.entrant and record.polishes is None for record in self.records)

    @property
    def next_number(self) -> int:
        """The number of the next trial that is not Optuna's own."""
        return len(self.study.get_trials(deepcopy=False))

    def propose(self, space: Space) -> tuple[int, Candidate]:
        """What the sampler wants to know next, and the number of its trial."""
        # Each trial has a sampler of its own, so that a study goes on after a stop as it would have without one.
        seed = np.random.SeedSequence([self.config.seed, len(self.records)]).generate_state(1)[0]
        self.study.sampler = make_sampler(self.config.sampler, int(seed), self.n_sampled)
        with one_thread():
            trial = self.study.ask()
            candidate = space.sample(trial)
        self._asked[trial.number] = trial
        return trial.number, candidate

    def enter(self, record: TrialRecord) -> None:
        """Enter a finished trial, whether the sampler proposed it or not."""
        trial = self._asked.pop(record.number, None)
        if trial is None:
            add(self.study, record)
        else:
            tell(self.study, trial, record, self.config)
        self.records.append(record)
        self.standing = standing_after(self.standing, record, self.config.objectives)
        self.tracker.end_trial(record, self.standing)


def used_up(space: Space, records: Sequence[TrialRecord]) -> bool:
    """Whether every point of a finite space has been tried."""
    if len(records) < space.n_points:
        return False
    tried = {record.candidate for record in records}
    return sum(space.parameters(candidate) is not None for candidate in tried) >= space.n_points


def repeated(number: int, candidate: Candidate, records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The record of an earlier trial of the same candidate, if there is one, under the new number."""
    for record in records:
        if record.candidate == candidate and record.status != "failed" and record.polishes is None:
            first = record.number if record.repeats is None else record.repeats
            return replace(record, number=number, repeats=first, entrant=False, seconds=0.0)
    return None
