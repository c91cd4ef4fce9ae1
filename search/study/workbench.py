"""The workbench of a study: what its trials share, and what they do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer
from torch import Tensor

from results.costs import Costs
from results.records import TrialRecord
from search.artifacts.build import build_artifact
from search.artifacts.scoring import score_artifact
from search.compression import Draft, Material, apply, steps_of_the_weights
from search.compression.vocabulary import unknown_rate
from search.config import StudyConfig
from search.devices.costs_cache import CostsCache
from search.devices.device import Device, MeasurementError
from search.devices.screen import Screen
from search.files import sha256_of
from search.models.backbones import Backbone
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.runtime.classifier import TOKENIZER
from search.study.early_stopping import Curve, is_hopeless
from search.tasks import Task
from search.training.batches import Batch, EncodedSplit
from search.training.fine_tuning import evaluate
from search.training.optimisation import Progress, optimise
from spaces import Candidate, Importance, Space, Training
from trackers.tracker import Tracker


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """All that the trials of a study share.

    Attributes:
        full: What candidates are cut from: the pretrained encoder, or the super-network once it is warmed up.
        ordered: The pretrained encoder with its channels ordered, for candidates that train on their own.
        unlabelled: Texts of the task without labels, beside those of ``train``.
        material: What compressions need to know of the task.
        screen: Tells candidates that are not worth a slow board's time.
    """

    config: StudyConfig
    task: Task
    backbone: Backbone
    space: Space
    device: Device
    full: ElasticForSequenceClassification
    ordered: Callable[[Importance], ElasticForSequenceClassification]
    train: EncodedSplit
    validation: EncodedSplit
    unlabelled: Sequence[str] = ()
    timed_texts: tuple[str, ...]
    material: Material
    costs: CostsCache
    screen: Screen | None = None
    tracker: Tracker

    def cut(
        self, candidate: Candidate, whole: ElasticForSequenceClassification | None = None
    ) -> ElasticForSequenceClassification:
        """A candidate's model, with the weights that it inherits from the whole: by default, the study's."""
        training = candidate.training
        if whole is None and training is not None and self.backbone.weights is not None:
            whole = self.ordered(training.importance)
        return apply(steps_of_the_weights(candidate), self._draft(whole or self.full)).model

    def build(self, model: ElasticForSequenceClassification, candidate: Candidate, folder: Path) -> None:
        """Write the artefact of a model as the candidate would ship it."""
        build_artifact(self._draft(model), candidate.compression, folder, self.material)

    def _draft(self, model: ElasticForSequenceClassification) -> Draft:
        return Draft(model=model, tokenizer=self.backbone.tokenizer, max_tokens=self.task.max_tokens)

    def save(self, model: ElasticForSequenceClassification, folder: Path) -> None:
        """Write a model's checkpoint beside its artefact."""
        model.save_pretrained(folder / CHECKPOINT)
        self.backbone.tokenizer.save_pretrained(folder / CHECKPOINT)

    def measure(self, model: ElasticForSequenceClassification, candidate: Candidate, folder: Path) -> Costs:
        """The costs of the artefact in a folder, or of one like it that was measured before."""
        what = {
            "encoder": model.config.to_dict(),
            "compression": candidate.compression.model_dump(),
            "device": self.device.fingerprint,
            "texts": self.timed_texts,
            "tokenizer": sha256_of(folder / TOKENIZER),
        }
        return self.costs.costs(what, lambda: self.measure_anew(folder))

    def measure_anew(self, folder: Path) -> Costs:
        """The costs of the artefact in a folder, as the device measures them now.

        Raises:
            MeasurementError: It can't be measured, or a figure that the study goes by is not told.
        """
        costs = self.device.measure(folder, self.timed_texts)
        wanted = {*self.config.objectives, *self.config.budgets.model_dump(exclude_none=True)} - {"score"}
        missing = wanted - costs.figures.keys()
        if missing:
            raise MeasurementError(
                f"nothing tells {', '.join(missing)} of device {self.device.name}: set its power_w or energy_command,"
                " or take it out of objectives and budgets"
            )
        return costs

    def score(self, folder: Path) -> float:
        """The validation score of the artefact in a folder."""
        return score_artifact(folder, self.task, self.task.validation, self.device.batch_size)

    def unknown_rate(self, candidate: Candidate, folder: Path) -> float | None:
        """The share of unknown word pieces in the validation texts, where the artefact's vocabulary is trimmed."""
        if candidate.compression.vocabulary is None:
            return None
        return unknown_rate(Tokenizer.from_file(str(folder / TOKENIZER)), self.task.validation.texts)

    def over_budget(self, figures: Mapping[str, float]) -> str:
        """Which budgets the figures break, in words; nothing if they keep to all of them."""
        limits = self.config.budgets.model_dump()
        broken = [
            f"{name} {figures[name]:.4g} {'below' if name == 'score' else 'over'} {limits[name]:g}"
            for name, excess in self.config.budgets.excess(figures).items()
            if excess > 0
        ]
        if figures.get("fits") == 0:
            broken.append(f"it does not run in the memory that {self.device.name} allows")
        return ", ".join(broken)

    def train_further(
        self,
        number: int,
        model: ElasticForSequenceClassification,
        costs: Mapping[str, float],
        training: Training,
        loss_of: Callable[[Batch], Tensor],
        texts: EncodedSplit,
        past: Sequence[TrialRecord],
    ) -> Curve:
        """Train a model in place, telling the tracker, until its end or until it can no longer reach the front."""
        rivals, scores = self.curves(past), list[float]()
        own = self.cost_objectives(costs)

        def on_report(progress: Progress) -> bool:
            scores.append(evaluate(model, self.task, self.validation))
            metrics = {"train_loss": progress.train_loss, "epochs": progress.epochs, "epoch_score": scores[-1]}
            self.tracker.log_progress(number, progress.step, metrics)
            return not is_hopeless(Curve(own, tuple(scores)), rivals)

        finished = optimise(model, texts, training, loss_of, seed=self.config.seed, on_report=on_report)
        return Curve(own, tuple(scores), finished)

    def curves(self, records: Sequence[TrialRecord]) -> list[Curve]:
        """The curves of the trials that trained, for early stopping."""
        return [
            Curve(self.cost_objectives(record.costs), tuple(record.curve), record.status != "stopped")
            for record in records
            if record.curve and record.repeats is None
        ]

    def cost_objectives(self, figures: Mapping[str, float]) -> tuple[float, ...]:
        """The costs that the study trades off against the score."""
        return tuple(figures[name] for name in self.config.objectives if name != "score")
