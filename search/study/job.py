"""A job: one trial to run, and what is told of it while it runs. All of it is plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from results.attempts import Attempt
from results.records import TrialRecord, label_of
from spaces import Candidate


@dataclass(frozen=True, kw_only=True)
class Job:
    """One trial to run.

    Attributes:
        number: The trial's number.
        candidate: What to try.
        entrant: Whether it is scored whatever it costs, because others are compared with it.
        polishes: The trial to train further, where that is the job.
        past: The study's earlier trials, which may show that this one is hopeless.
    """

    number: int
    candidate: Candidate
    entrant: bool = False
    polishes: TrialRecord | None = None
    past: tuple[TrialRecord, ...] = ()

    @property
    def attempt(self) -> Attempt:
        """What is known of the trial before it begins."""
        return Attempt(number=self.number, candidate=self.candidate, entrant=self.entrant, polishes=self.polishes)

    @property
    def rivals(self) -> tuple[TrialRecord, ...]:
        """The trials whose curves may show that it is hopeless: of its own kind, and none for an entrant."""
        polishing = self.polishes is not None
        return tuple(record for record in self.past if (record.polishes is not None) == polishing and not self.entrant)

    @property
    def label(self) -> str:
        """What an engineer sees of it."""
        return label_of(self.candidate, polished=self.polishes is not None)


@dataclass(frozen=True)
class Stage:
    """The job now does ``text``."""

    text: str


@dataclass(frozen=True)
class Report:
    """A training is so many steps far, with these metrics."""

    number: int
    step: int
    metrics: Mapping[str, float]


Tell = Callable[[Stage | Report], None]
