"""The strategy in which each candidate is cut from the pretrained encoder and fine-tuned on its own."""

from __future__ import annotations

import copy

from results.costs import Costs
from results.records import TrialRecord
from search.errors import UsageError
from search.models.elastic import ElasticForSequenceClassification
from search.study.early_stopping import Curve
from search.study.job import Job, Stage, Tell
from search.study.pruning_rounds import prune_in_rounds
from search.study.strategy import Strategy, Weights
from search.study.workbench import Workbench
from search.training.fine_tuning import label_loss
from search.training.importance import order_channels
from spaces import Candidate, Importance, Space, Training


class Standalone(Strategy):
    """Every candidate is fine-tuned on its own, as the space's section ``training`` has it."""

    def offered(self, space: Space) -> Space:
        """The space as it is."""
        if space.training is None:
            raise UsageError(
                f"space {self.config.space} has no section 'training', which strategy 'standalone' samples: add it"
            )
        return space

    def in_words(self, trial: TrialRecord) -> str:
        """How it was fine-tuned."""
        training = _training_of(trial.candidate)
        return (
            f"{training.epochs} epoch(s), batch size {training.batch_size}, learning rate {training.learning_rate:.3g};"
            f" pruned by {training.importance} in {training.rounds} round(s)"
        )

    def weights(self, bench: Workbench, tell: Tell) -> OwnWeights:
        """The pretrained encoder's."""
        return OwnWeights(bench)

    def kept_weights(self, bench: Workbench) -> OwnWeights:
        """The pretrained encoder's."""
        return OwnWeights(bench)


class OwnWeights(Weights):
    """The pretrained encoder, its channels in the order that a candidate's importance gives them.

    Args:
        bench: What the study's trials share.
    """

    scored_as_cut = False

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._ordered: dict[Importance, ElasticForSequenceClassification] = {}

    def whole(self, candidate: Candidate) -> ElasticForSequenceClassification:
        """The encoder in a candidate's order; random weights have none."""
        if self._bench.backbone.weights is None:
            return self._bench.pretrained
        return self.ordered(_training_of(candidate).importance)

    def ordered(self, importance: Importance) -> ElasticForSequenceClassification:
        """The pretrained encoder in an order, which is found when it is first asked for."""
        if importance not in self._ordered:
            copied = copy.deepcopy(self._bench.pretrained)
            order_channels(copied, importance, self._bench.train, self._bench.task.kind, seed=self._bench.config.seed)
            self._ordered[importance] = copied
        return self._ordered[importance]

    def train(
        self, bench: Workbench, job: Job, model: ElasticForSequenceClassification, costs: Costs, tell: Tell
    ) -> tuple[ElasticForSequenceClassification, Curve]:
        """Fine-tune a candidate, and prune it in rounds before if it asks for that."""
        training = _training_of(job.candidate)
        if training.rounds > 1:
            tell(Stage("pruning in rounds"))
            model = prune_in_rounds(bench, self.whole(job.candidate), job.candidate, training)
        tell(Stage("training"))
        curve = bench.trainer.train(
            job.number, model, costs, training, label_loss(model, bench.task.kind), bench.train, job.rivals, tell
        )
        return model, curve


def _training_of(candidate: Candidate) -> Training:
    if candidate.training is None:
        raise ValueError(f"candidate {candidate.label} says nothing of how it is trained")
    return candidate.training
