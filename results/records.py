"""What trackers are told: plain records of a study, its trials and where it stands."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from spaces import Candidate

Status = Literal["scored", "over-budget", "screened", "stopped", "worse", "failed"]
Outcome = Literal["front", "dominated", "over-budget", "screened", "stopped", "worse", "failed", "repeat", "superseded"]


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The texts of a task, as trackers see them; those of the test split are not looked at.

    Attributes:
        name: The task's name.
        digest: Of its training and validation texts, with their labels.
        source: Where they come from and under which licence.
        labels: The label names.
        n_train: How many training texts there are.
        n_validation: How many validation texts.
    """

    name: str
    digest: str
    source: str
    labels: tuple[str, ...]
    n_train: int
    n_validation: int


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
        data: The task's texts.
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
    data: DataRecord | None = None

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
        status: Whether it has a score within the budgets, broke a budget, was not worth measuring on a slow board by
            what it was predicted to cost, was stopped because it could no longer
            reach the front, is a polishing that made its member worse, or failed.
        reason: Why it has no score within the budgets, or is worse.
        costs: What the device measured, by name; empty where it was not measured.
        machine: The processor and system that the costs were measured on.
        score: The artefact's validation score; None where it was not trained.
        unknown_rate: The share of the validation texts' word pieces that a trimmed vocabulary doesn't know.
        curve: Its validation score as a PyTorch model at each report of its training.
        artifact: The SHA-256 of its artefact's ``model.onnx``.
        baseline: Whether it is what one would deploy without a search.
        polishes: The number of the trial that it trained further.
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
    unknown_rate: float | None = None
    curve: Sequence[float] = ()
    artifact: str = ""
    baseline: bool = False
    polishes: int | None = None
    seconds: float = 0.0
    repeats: int | None = None
    details: str = ""

    @property
    def figures(self) -> dict[str, float]:
        """Costs and, where there is one, the score."""
        return {**({} if self.score is None else {"score": self.score}), **self.costs}

    @property
    def predicted(self) -> bool:
        """Whether its costs were predicted from a measurement elsewhere."""
        return self.costs.get("predicted") == 1

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The record that ``to_dict`` gave, also by way of JSON."""
        return cls(**{**raw, "curve": tuple(raw.get("curve", ()))})


def new_record(number: int, candidate: Candidate, **others: Any) -> TrialRecord:
    """The record of a trial of a candidate."""
    fields = {"label": candidate.label, "candidate": candidate.model_dump(mode="json"), **others}
    return TrialRecord(number=number, **fields)


def failed_trial(number: int, candidate: Candidate, error: Exception, **others: Any) -> TrialRecord:
    """The record of a trial that an error ended."""
    reason = (str(error).strip().splitlines() or [""])[0]
    return new_record(
        number,
        candidate,
        status="failed",
        reason=f"{type(error).__name__}: {reason}"[:500],
        details="".join(traceback.format_exception(error)),
        **others,
    )


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
class WarmUp:
    """How a super-network came to be.

    Attributes:
        curves: Steps since the start, and the metrics that were reported there.
        score: Its validation score at full size, as a PyTorch model.
        seconds: How long it took.
        settings: What made it, flat, as text.
        reused: Whether an earlier study had made it.
    """

    curves: Sequence[tuple[int, Mapping[str, float]]]
    score: float
    seconds: float
    settings: Mapping[str, str]
    reused: bool = False


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The recommended candidate against the full-size model as int8, both on the test split.

    Attributes:
        faster: How many times lower its p50 latency is.
        smaller: How many times smaller it is on disk.
        score_gain: Its score less that of the full-size model.
        low: Where the 95% interval of ``score_gain`` begins, over resamplings of the test texts.
        high: Where it ends.
        full_score: The full-size model's score.
        n_texts: How many test texts there are.
    """

    faster: float
    smaller: float
    score_gain: float
    low: float
    high: float
    full_score: float
    n_texts: int


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
