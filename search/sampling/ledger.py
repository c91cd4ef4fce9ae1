"""The ledger of a study: its finished trials, as Optuna and the trackers are told of them."""

from __future__ import annotations

import optuna
from optuna.trial import Trial

from results.choosing import standing_after, standing_of
from results.records import Standing, TrialRecord
from search.config import StudyConfig
from search.sampling.store import finished
from search.sampling.telling import add, tell
from trackers.tracker import Tracker


class Ledger:
    """What a study has found so far.

    Args:
        study: Optuna's side of it, which lasts.
        config: The study.
        tracker: Is told of every trial.
    """

    def __init__(self, study: optuna.Study, config: StudyConfig, tracker: Tracker) -> None:
        self.study, self.config, self.tracker = study, config, tracker
        self.reload()

    def reload(self) -> None:
        """Take over what Optuna has."""
        self.records: list[TrialRecord] = finished(self.study)
        self.standing: Standing = standing_of(self.records, self.config.objectives)

    @property
    def n_sampled(self) -> int:
        """How many trials the space was sampled for: all but baselines and polishing."""
        return sum(not record.baseline and record.polishes is None for record in self.records)

    @property
    def next_number(self) -> int:
        """The number of the next trial that is not Optuna's own."""
        return len(self.study.get_trials(deepcopy=False))

    def enter(self, record: TrialRecord, trial: Trial | None = None) -> None:
        """Enter a finished trial; without an Optuna trial it is one that no sampler proposed."""
        if trial is None:
            add(self.study, record)
        else:
            tell(self.study, trial, record, self.config)
        self.records.append(record)
        self.standing = standing_after(self.standing, record, self.config.objectives)
        self.tracker.end_trial(record, self.standing)
