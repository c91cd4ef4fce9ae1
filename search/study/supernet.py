"""The strategy in which candidates are cut from one network that was fine-tuned for all of them."""

from __future__ import annotations

from results.costs import Costs
from results.records import TrialRecord, WarmUp
from search.models.elastic import ElasticForSequenceClassification
from search.study.early_stopping import Curve
from search.study.job import Job, Stage, Tell
from search.study.strategy import Strategy, Weights
from search.study.warm_up import kept, warm_up
from search.study.workbench import Workbench
from search.training.distillation import DISTILLATION, distillation_loss
from spaces import Candidate, Space


class Supernet(Strategy):
    """Candidates inherit the weights of a super-network; the front's members are polished at the end."""

    @property
    def polish_epochs(self) -> int:
        """As the study has it."""
        return self.config.polish_epochs

    def offered(self, space: Space) -> Space:
        """The space without a choice of training: what is inherited has none."""
        return Space.model_validate({**dict(space), "training": None})

    def in_words(self, trial: TrialRecord) -> str:
        """What it was cut from, and what it learnt afterwards."""
        config = self.config
        steps = f", {config.trial_steps} steps of distillation" if config.trial_steps else ""
        polished = (
            f", polished for {config.polish_epochs} epoch(s) of distillation" if trial.polishes is not None else ""
        )
        return f"cut from a super-network of {config.warm_up_epochs} + 1 epochs{steps}{polished}"

    def weights(self, bench: Workbench, tell: Tell) -> InheritedWeights:
        """Those of a super-network, which is trained now unless an earlier study trained it."""
        return InheritedWeights(*warm_up(bench, tell), scored_as_cut=not self.config.trial_steps)

    def kept_weights(self, bench: Workbench) -> InheritedWeights:
        """Those of the super-network that the study trained."""
        return InheritedWeights(*kept(bench), scored_as_cut=not self.config.trial_steps)


class InheritedWeights(Weights):
    """A super-network.

    Args:
        network: The encoder at full size.
        story: How it came to be.
        scored_as_cut: Whether trials score what they cut, and train nothing.
    """

    def __init__(self, network: ElasticForSequenceClassification, story: WarmUp, *, scored_as_cut: bool) -> None:
        self.teacher: ElasticForSequenceClassification = network
        self.story, self.scored_as_cut = story, scored_as_cut

    def whole(self, candidate: Candidate) -> ElasticForSequenceClassification:
        """The super-network, for all candidates alike."""
        return self.teacher

    def train(
        self, bench: Workbench, job: Job, model: ElasticForSequenceClassification, costs: Costs, tell: Tell
    ) -> tuple[ElasticForSequenceClassification, Curve]:
        """What was cut as it is, or after a few steps of distillation where the study asks for them."""
        if self.scored_as_cut:
            return model, Curve((), ())
        training = DISTILLATION.model_copy(update={"steps": bench.config.trial_steps})
        tell(Stage("training"))
        loss_of = distillation_loss(model, self.teacher, bench.task.kind)
        return model, bench.trainer.train(job.number, model, costs, training, loss_of, bench.train, job.rivals, tell)
