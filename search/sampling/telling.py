"""What Optuna is told of the trials, and what becomes of those that were cut off."""

from __future__ import annotations

import optuna
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from results.attempts import Attempt
from results.records import TrialRecord
from search.config import StudyConfig
from search.sampling.store import RECORD, StudyStore
from spaces import Space
from spaces.baselines import Entrants

# A candidate that was cut off this often, by using up the memory for example, is not tried again.
MAX_CUT_OFF = 3


def tell(study: optuna.Study, trial: optuna.Trial, record: TrialRecord, config: StudyConfig) -> None:
    """Report a trial to Optuna.

    What broke a budget is completed, not pruned: NSGA-II and GP learn nothing from a pruned trial and keep
    proposing its like. Its constraints keep it off the front.
    """
    if record.status != "failed":
        for name, excess in config.budgets.excess(_figures(record)).items():
            unknown = name == "score" and record.score is None
            trial.set_constraint(name, 0.0 if unknown else excess)
        if record.costs is not None and record.costs.fits is not None:
            trial.set_constraint("memory_limit", 0.5 - record.costs.fits)
    trial.set_user_attr(RECORD, record.to_dict())
    _close(study, record, config)


def add(study: optuna.Study, record: TrialRecord) -> None:
    """Store a trial that no sampler proposed, nor can learn from: samplers don't read what failed."""
    study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL, user_attrs={RECORD: record.to_dict()}))


class CutOffError(Exception):
    """The process ended while a candidate was tried, again and again."""


def recover(study: optuna.Study, store: StudyStore, config: StudyConfig, space: Space, entrants: Entrants) -> None:
    """Give up the trials that were cut off, and have their candidates proposed again.

    One that is cut off again and again is recorded as failed: it may be what ends the process.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if RECORD in trial.user_attrs:
            # It was cut off between its record and its end, and is finished.
            _close(study, TrialRecord.from_dict(trial.user_attrs[RECORD]), config)
            continue
        study.tell(trial.number, state=TrialState.FAIL)
        store.discard(trial.number)
        # The parameters of a queued trial are known even before it has asked for them all.
        parameters = trial.system_attrs.get("fixed_params", trial.params)
        if not parameters:
            continue
        if _times_cut_off(study, trial) < MAX_CUT_OFF:
            study.enqueue_trial(parameters)
        else:
            candidate = space.sample(FixedTrial(parameters))
            attempt = Attempt(
                number=len(study.get_trials(deepcopy=False)),
                candidate=candidate,
                entrant=candidate in entrants.candidates,
                error=CutOffError(f"the process ended {MAX_CUT_OFF} times while it was tried"),
            )
            add(study, attempt.record(config.budgets))


def _times_cut_off(study: optuna.Study, trial: FrozenTrial) -> int:
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return sum(RECORD not in other.user_attrs and other.params == trial.params for other in failed)


def _close(study: optuna.Study, record: TrialRecord, config: StudyConfig) -> None:
    if record.status == "failed":
        study.tell(record.number, state=TrialState.FAIL)
    else:
        figures = _figures(record)
        study.tell(record.number, [figures[name] for name in config.objectives])


def _figures(record: TrialRecord) -> dict[str, float]:
    """Costs and score, where the score of what was never scored is the last of its training, or 0."""
    return {"score": record.curve[-1] if record.curve else 0.0, **record.figures}
