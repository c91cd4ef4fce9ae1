"""A strategy: how candidates get their weights."""

from __future__ import annotations

from abc import ABC, abstractmethod

from results.costs import Costs
from results.records import TrialRecord, WarmUp
from search.config import StudyConfig
from search.models.elastic import ElasticForSequenceClassification
from search.study.early_stopping import Curve
from search.study.job import Job, Tell
from search.study.workbench import Workbench
from spaces import Candidate, Space


class Weights(ABC):
    """Where the candidates of one study get their weights from, ready for its trials.

    Attributes:
        scored_as_cut: Whether a candidate is scored as it was cut, so that its score is known without any training.
        teacher: What candidates may be polished by; None where there is nothing larger to learn from.
        story: How the weights came to be, where that is worth telling.
    """

    scored_as_cut: bool
    teacher: ElasticForSequenceClassification | None = None
    story: WarmUp | None = None

    @abstractmethod
    def whole(self, candidate: Candidate) -> ElasticForSequenceClassification:
        """What a candidate is cut from."""

    @abstractmethod
    def train(
        self, bench: Workbench, job: Job, model: ElasticForSequenceClassification, costs: Costs, tell: Tell
    ) -> tuple[ElasticForSequenceClassification, Curve]:
        """A candidate's model, trained as far as a trial trains it, and how its score grew.

        Args:
            bench: What the study's trials share.
            job: The trial.
            model: What was cut.
            costs: What its artefact costs.
            tell: Hears how far the training is.
        """


class Strategy(ABC):
    """How the candidates of studies with this configuration get their weights.

    Args:
        config: The study.
    """

    def __init__(self, config: StudyConfig) -> None:
        self.config = config

    @property
    def polish_epochs(self) -> int:
        """Passes through the texts in which the front's members are trained further at the end."""
        return 0

    @abstractmethod
    def offered(self, space: Space) -> Space:
        """What of a space may be chosen.

        Raises:
            UsageError: The space lacks what the strategy samples.
        """

    @abstractmethod
    def in_words(self, trial: TrialRecord) -> str:
        """How a trial came by its weights, for people."""

    @abstractmethod
    def weights(self, bench: Workbench, tell: Tell) -> Weights:
        """The weights for a study's trials; whatever has to be trained before them is trained now."""

    @abstractmethod
    def kept_weights(self, bench: Workbench) -> Weights:
        """The weights of a study that has run.

        Raises:
            UsageError: They are gone.
        """
