"""What trackers are told: plain records of a study, its trials and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Status = Literal["scored", "over-budget", "failed"]
Outcome = Literal["front", "dominated", "over-budget", "failed", "repeat"]


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study, as its trackers see it.

    Attributes:
        name: The study's name.
        task: The task's name.
        device: The device's name.
        n_trials: How many trials it is to have in all.
        time_limit_s: No trial starts after this long.
        objectives: What its front trades off.
        budgets: Its limits by name.
        settings: Its other settings, flat, as text.
        config_yaml: The study file that gives it again.
    """

    name: str
    task: str
    device: str
    n_trials: int
    time_limit_s: float | None = None
    objectives: tuple[str, ...]
    budgets: Mapping[str, float]
    settings: Mapping[str, str]
    config_yaml: str

    @property
    def experiment(self) -> str:
        """Studies of one task and device belong together."""
        return f"{self.task} on {self.device}"


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """A finished trial.

    Attributes:
        number: Its number in the study, from 0.
        label: Its candidate in a few letters.
        candidate: Its candidate, as JSON takes it.
        status: Whether it has a score within the budgets, broke a budget, or failed.
        reason: Why it broke a budget or failed.
        costs: What the device measured, by name; empty where it was not measured.
        machine: The processor and system that the costs were measured on.
        score: The artefact's validation score; None where it was not trained.
        seconds: How long the trial took.
        repeats: The number of the earlier trial with the same candidate, whose figures it took over.
        details: The traceback of a failure.
    """

    number: int
    label: str
    candidate: Mapping[str, Any]
    status: Status
    reason: str = ""
    costs: Mapping[str, float] = field(default_factory=dict)
    machine: str = ""
    score: float | None = None
    seconds: float = 0.0
    repeats: int | None = None
    details: str = ""

    @property
    def figures(self) -> dict[str, float]:
        """Costs and, where there is one, the score."""
        return {**({} if self.score is None else {"score": self.score}), **self.costs}

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The record that ``to_dict`` gave."""
        return cls(**raw)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a study stands.

    Attributes:
        trials: The finished trials, in order.
        front: The numbers of those on the front, in the order of the first objective, best first.
        recommended: The number of the one to take; None while there is none.
    """

    trials: tuple[TrialRecord, ...] = ()
    front: tuple[int, ...] = ()
    recommended: int | None = None

    def trial(self, number: int) -> TrialRecord:
        """The finished trial of a number."""
        return next(trial for trial in self.trials if trial.number == number)

    @property
    def members(self) -> list[TrialRecord]:
        """The trials on the front."""
        by_number = {trial.number: trial for trial in self.trials}
        return [by_number[number] for number in self.front]

    def outcome(self, trial: TrialRecord) -> Outcome:
        """How a trial ended, as far as is known now."""
        if trial.repeats is not None:
            return "repeat"
        if trial.status != "scored":
            return trial.status
        return "front" if trial.number in self.front else "dominated"


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a run of a study ended.

    Attributes:
        standing: Where the study stands now.
        test_score: The recommended candidate's score on the test split; None where nothing is recommended.
        stopped: What stopped it before its time, if anything.
    """

    standing: Standing
    test_score: float | None = None
    stopped: str = ""
