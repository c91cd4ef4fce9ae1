"""An attempt: what is known of a trial when it ends. In how many ways that can be is decided here, and only here."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from results.budgets import Budgets
from results.costs import Costs
from results.records import Status, TrialRecord, figures_of
from spaces import Candidate


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What is known of a trial when it ends, however far it came.

    Attributes:
        number: The trial's number.
        candidate: What was tried.
        entrant: Whether it is one of the study's entrants.
        polishes: The trial that it trained further, if it did.
        screened: Why a slow board was spared it, in words.
        costs: What the device measured, or what was predicted of what was screened.
        curve: The validation score at each report of its training.
        finished: Whether its training went to its end.
        score: The artefact's validation score.
        unknown_rate: The share of word pieces that a trimmed vocabulary doesn't know.
        artifact: The SHA-256 of its artefact's ONNX file.
        error: What ended it, if an error did.
    """

    number: int
    candidate: Candidate
    entrant: bool = False
    polishes: TrialRecord | None = None
    screened: str = ""
    costs: Costs | None = None
    curve: tuple[float, ...] = ()
    finished: bool = True
    score: float | None = None
    unknown_rate: float | None = None
    artifact: str = ""
    error: BaseException | None = None

    def record(self, budgets: Budgets, seconds: float = 0.0) -> TrialRecord:
        """The trial's record.

        Args:
            budgets: What it had to keep to.
            seconds: How long it took.
        """
        status, reason = self._end(budgets)
        return TrialRecord(
            number=self.number,
            candidate=self.candidate,
            status=status,
            reason=reason,
            costs=self.costs,
            score=self.score,
            unknown_rate=self.unknown_rate,
            curve=self.curve,
            artifact=self.artifact,
            entrant=self.entrant,
            polishes=None if self.polishes is None else self.polishes.number,
            seconds=seconds,
            details="" if self.error is None else "".join(traceback.format_exception(self.error)),
        )

    def _end(self, budgets: Budgets) -> tuple[Status, str]:
        """How the trial ended, and why."""
        if self.error is not None:
            said = (str(self.error).strip().splitlines() or [""])[0]
            return "failed", f"{type(self.error).__name__}: {said}"[:500]
        if self.screened:
            return "screened", self.screened
        if not self.finished:
            return (
                "stopped",
                f"after {len(self.curve)} reports its {self.curve[-1]:.4f} is far below that of cheaper ones",
            )
        over = budgets.over(figures_of(self.costs, self.score))
        if self.polishes is None:
            return ("over-budget", over) if over else ("scored", "")
        before = self.polishes.score or 0.0
        if over or self.score is None or self.score <= before:
            kept = f"no better than the {before:.4f} of #{self.polishes.number}, which keeps its weights"
            return "worse", over or kept
        return "scored", ""
