"""Training: a trial's model is trained until its end, or until it can no longer reach the front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from results.costs import Costs
from results.front import Objective
from results.records import TrialRecord
from search.models.elastic import ElasticForSequenceClassification
from search.study.early_stopping import Curve, is_hopeless
from search.study.job import Report, Tell
from search.tasks import Task
from search.training.batches import Batch, EncodedSplit
from search.training.fine_tuning import evaluate
from search.training.optimisation import Progress, optimise
from spaces import Training


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Trains the models of trials.

    Attributes:
        task: Has the metric.
        validation: What tells how far a training is.
        objectives: What the study trades off.
        seed: Decides the order of the texts.
    """

    task: Task
    validation: EncodedSplit
    objectives: tuple[Objective, ...]
    seed: int

    def train(
        self,
        number: int,
        model: ElasticForSequenceClassification,
        costs: Costs,
        training: Training,
        loss_of: Callable[[Batch], Tensor],
        texts: EncodedSplit,
        past: Sequence[TrialRecord],
        tell: Tell,
    ) -> Curve:
        """Train a model in place until its end, or until it can no longer reach the front.

        Args:
            number: The trial's number.
            model: What to train.
            costs: What the trial's artefact costs.
            training: How long and how fast.
            loss_of: The loss of a batch.
            texts: What to learn from.
            past: The trials that it is compared with.
            tell: Hears each report.
        """
        rivals, scores = self.curves(past), list[float]()
        own = self._costs(costs)

        def on_report(progress: Progress) -> bool:
            scores.append(evaluate(model, self.task, self.validation))
            metrics = {"train_loss": progress.train_loss, "epochs": progress.epochs, "epoch_score": scores[-1]}
            tell(Report(number, progress.step, metrics))
            return not is_hopeless(Curve(own, tuple(scores)), rivals)

        finished = optimise(model, texts, training, loss_of, seed=self.seed, on_report=on_report)
        return Curve(own, tuple(scores), finished)

    def curves(self, records: Sequence[TrialRecord]) -> list[Curve]:
        """The curves of the trials that trained."""
        return [
            Curve(self._costs(record.costs), record.curve, record.status != "stopped")
            for record in records
            if record.costs is not None and record.trained and record.repeats is None
        ]

    def _costs(self, costs: Costs) -> tuple[float, ...]:
        """The costs that the study trades off against the score."""
        return tuple(costs.figures[name] for name in self.objectives if name != "score")
