"""Plain records of a study, its trials and its super-network: what a store keeps and what trackers are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from results.budgets import Budgets
from results.costs import Costs
from results.front import Objective
from spaces import Candidate

Status = Literal["scored", "over-budget", "screened", "stopped", "worse", "failed"]


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
        budgets: Its limits.
        settings: Its other settings, flat, as text.
        config_yaml: The study file that gives it again.
        data: The task's texts.
    """

    name: str
    task: str
    device: str
    n_trials: int
    time_limit_s: float | None = None
    objectives: tuple[Objective, ...]
    budgets: Budgets
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
        candidate: What was tried.
        status: How it ended; see ``results/attempts.py``.
        reason: Why it has no score within the budgets, or is worse.
        costs: What the device measured; None where it was not measured.
        score: The artefact's validation score; None where it was not trained.
        unknown_rate: The share of the validation texts' word pieces that a trimmed vocabulary doesn't know.
        curve: Its validation score as a PyTorch model at each report of its training; empty where it was only cut.
        artifact: The SHA-256 of its artefact's ONNX file.
        entrant: Whether it is one of the study's entrants, tried before the search.
        polishes: The number of the trial that it trained further.
        seconds: How long the trial took.
        repeats: The number of the earlier trial with the same candidate, whose figures it took over.
        details: The traceback of a failure.
    """

    number: int
    candidate: Candidate
    status: Status
    reason: str = ""
    costs: Costs | None = None
    score: float | None = None
    unknown_rate: float | None = None
    curve: tuple[float, ...] = ()
    artifact: str = ""
    entrant: bool = False
    polishes: int | None = None
    seconds: float = 0.0
    repeats: int | None = None
    details: str = ""

    @property
    def label(self) -> str:
        """Its candidate in a few letters, such as ``4L 8H 768F 384W int8 polished``."""
        return label_of(self.candidate, polished=self.polishes is not None)

    @property
    def figures(self) -> dict[str, float]:
        """Costs and, where there is one, the score, by name."""
        return figures_of(self.costs, self.score)

    @property
    def predicted(self) -> bool:
        """Whether its costs were predicted from a measurement elsewhere."""
        return self.costs is not None and self.costs.predicted

    @property
    def machine(self) -> str:
        """The processor and system that its costs were measured on."""
        return "" if self.costs is None else self.costs.machine

    @property
    def trained(self) -> bool:
        """Whether it has weights of its own, which can't be cut again."""
        return bool(self.curve)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON takes it."""
        raw: dict[str, Any] = _TRIAL.dump_python(self, mode="json", exclude_none=True)
        return raw

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> TrialRecord:
        """The record that ``to_dict`` gave, also by way of JSON, or one that version 0.1 wrote."""
        return _TRIAL.validate_python(raw if "entrant" in raw else _from_0_1(raw))


_TRIAL = TypeAdapter(TrialRecord)


def label_of(candidate: Candidate, *, polished: bool) -> str:
    """What an engineer sees of a trial, before and after it has run."""
    return f"{candidate.label} polished" if polished else candidate.label


def figures_of(costs: Costs | None, score: float | None) -> dict[str, float]:
    """Costs and score by name, as far as there are any."""
    figures = {} if costs is None else costs.figures
    return figures if score is None else {"score": score, **figures}


def _from_0_1(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A record of version 0.1, which had costs without the machine that they were measured on."""
    costs = {**raw["costs"], "machine": raw.get("machine", "")} if raw.get("costs") else None
    return {**raw, "entrant": raw["baseline"], "costs": costs}


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
