"""One trial: a candidate is sampled, measured, trained and scored."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search.artifacts.artifact import build_artifact
from search.artifacts.scoring import score_artifact
from search.config import StudyConfig
from search.devices.device import LocalDevice
from search.models.backbones import Backbone
from search.models.elastic import ElasticForSequenceClassification
from search.models.shrinking import candidate_model
from search.tasks import Task
from search.training.batches import EncodedSplit
from search.training.fine_tuning import Epoch, fine_tune
from spaces import Candidate, Space
from trackers.records import TrialRecord
from trackers.tracker import Tracker

# Texts that a candidate is timed on; the same for all candidates of a task.
N_TIMED_TEXTS = 32

CHECKPOINT = "checkpoint"


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """All that the trials of a study share."""

    config: StudyConfig
    task: Task
    backbone: Backbone
    space: Space
    device: LocalDevice
    train: EncodedSplit
    validation: EncodedSplit
    timed_texts: tuple[str, ...]
    tracker: Tracker

    def build(self, model: ElasticForSequenceClassification, candidate: Candidate, folder: Path) -> None:
        """Write the artefact of a model as the candidate would ship it."""
        build_artifact(model, self.backbone.tokenizer, candidate.compression, self.task.max_tokens, folder)

    def fine_tune(self, model: ElasticForSequenceClassification, candidate: Candidate, number: int) -> None:
        """Train a candidate's model, telling the tracker of each epoch."""

        def on_epoch(epoch: Epoch) -> None:
            metrics = {"train_loss": epoch.train_loss, "epoch_score": epoch.validation_score}
            self.tracker.log_epoch(number, epoch.number, metrics)

        fine_tune(
            model,
            self.task,
            self.train,
            self.validation,
            candidate.training,
            seed=self.config.seed,
            on_epoch=on_epoch,
        )

    def over_budget(self, figures: Mapping[str, float]) -> str:
        """Which budgets the figures break, in words; nothing if they keep to all of them."""
        limits = self.config.budgets.model_dump()
        return ", ".join(
            f"{name} {figures[name]:.4g} {'below' if name == 'score' else 'over'} {limits[name]:g}"
            for name, excess in self.config.budgets.excess(figures).items()
            if excess > 0
        )


def run_trial(bench: Workbench, number: int, candidate: Candidate, folder: Path) -> TrialRecord:
    """Measure a candidate, and train and score it if its costs are within the budgets.

    Costs don't depend on the weights, so what is over budget ends before any training.

    Args:
        bench: What the study's trials share.
        number: The trial's number.
        candidate: What to try.
        folder: Where its artefact and its checkpoint are kept.
    """
    started = time.perf_counter()
    bench.tracker.stage("measuring")
    model = candidate_model(bench.backbone, candidate.architecture, bench.task.labels, bench.config.seed)
    bench.build(model, candidate, folder)
    costs = bench.device.measure(folder, bench.timed_texts)
    reason, score = bench.over_budget(costs.figures), None
    if not reason:
        bench.tracker.stage(f"training, {candidate.training.epochs} epochs")
        bench.fine_tune(model, candidate, number)
        bench.tracker.stage("scoring the artefact")
        bench.build(model, candidate, folder)
        score = score_artifact(folder, bench.task, bench.task.validation, bench.device.batch_size)
        reason = bench.over_budget({"score": score})
    if not reason:
        model.save_pretrained(folder / CHECKPOINT)
        bench.backbone.tokenizer.save_pretrained(folder / CHECKPOINT)
    return TrialRecord(
        number=number,
        label=candidate.label,
        candidate=candidate.model_dump(mode="json"),
        status="over-budget" if reason else "scored",
        reason=reason,
        costs=costs.figures,
        machine=costs.machine,
        score=score,
        seconds=time.perf_counter() - started,
    )


def failed_trial(number: int, candidate: Candidate, error: Exception, seconds: float) -> TrialRecord:
    """The record of a trial that an error ended."""
    reason = (str(error).strip().splitlines() or [""])[0]
    return TrialRecord(
        number=number,
        label=candidate.label,
        candidate=candidate.model_dump(mode="json"),
        status="failed",
        reason=f"{type(error).__name__}: {reason}"[:500],
        seconds=seconds,
        details="".join(traceback.format_exception(error)),
    )
