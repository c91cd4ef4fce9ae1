"""One trial: a candidate is cut, measured, trained if need be, and scored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from results.records import TrialRecord, new_record
from search.errors import RunError
from search.files import sha256_of, whole_folder
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.sampling.store import StudyStore
from search.study.early_stopping import Curve
from search.study.pruning_rounds import prune_in_rounds
from search.study.screening import screened
from search.study.workbench import Workbench
from search.training.distillation import distillation_loss
from search.training.fine_tuning import label_loss
from spaces import Candidate, Training

# Of the distillation that a cut network is given.
DISTILLATION = Training(learning_rate=2e-4, batch_size=32)


def run_trial(
    bench: Workbench,
    number: int,
    candidate: Candidate,
    folder: Path,
    past: Sequence[TrialRecord] = (),
    trained: tuple[TrialRecord, Path] | None = None,
    *,
    baseline: bool = False,
) -> TrialRecord:
    """Measure a candidate, and train and score it if its costs are within the budgets.

    Costs don't depend on the weights, so what is over budget ends before any training.

    Args:
        bench: What the study's trials share.
        number: The trial's number.
        candidate: What to try.
        folder: Where its artefact and, if it was trained, its checkpoint are kept.
        past: The study's earlier trials.
        trained: An earlier trial that has the weights that this one would learn, and its folder.
        baseline: Whether to score it whatever it costs, because others are compared with it.
    """
    started = time.perf_counter()
    bench.tracker.stage("measuring")
    model = bench.cut(candidate)
    bench.build(model, candidate, folder)
    hopeless = screened(bench, candidate, folder, past)
    if hopeless is not None and not baseline:
        predicted, score, reason = hopeless
        return new_record(
            number,
            candidate,
            status="screened",
            reason=reason,
            costs=predicted.figures,
            machine=predicted.machine,
            score=score,
            seconds=time.perf_counter() - started,
        )
    costs = bench.measure(model, candidate, folder)
    if bench.screen is not None:
        bench.screen.learn(costs)
    reason, curve, score = bench.over_budget(costs.figures), Curve((), ()), None
    if baseline or not reason:
        if trained is not None:
            curve = Curve((), tuple(trained[0].curve))
            model = ElasticForSequenceClassification.from_pretrained(trained[1] / CHECKPOINT).eval()
        else:
            if candidate.training is not None and candidate.training.rounds > 1:
                bench.tracker.stage("pruning in rounds")
                model = prune_in_rounds(bench, candidate, candidate.training)
            curve = _train(bench, number, model, candidate, costs.figures, () if baseline else past)
        if curve.finished:
            bench.tracker.stage("scoring the artefact")
            if curve.scores:
                bench.build(model, candidate, folder)
                bench.save(model, folder)
            score = bench.score(folder)
            reason = reason or bench.over_budget({"score": score})
        else:
            reason = f"after {len(curve.scores)} reports its {curve.scores[-1]:.4f} is far below that of cheaper ones"
    return new_record(
        number,
        candidate,
        status="stopped" if not curve.finished else "over-budget" if reason else "scored",
        reason=reason,
        costs=costs.figures,
        machine=costs.machine,
        score=score,
        unknown_rate=bench.unknown_rate(candidate, folder),
        curve=curve.scores,
        artifact=sha256_of(folder / "model.onnx"),
        baseline=baseline,
        seconds=time.perf_counter() - started,
    )


def _train(
    bench: Workbench,
    number: int,
    model: ElasticForSequenceClassification,
    candidate: Candidate,
    costs: Mapping[str, float],
    past: Sequence[TrialRecord],
) -> Curve:
    """Train a candidate's model as its strategy has it; a cut from the super-network may be good as it stands."""
    training, loss_of = candidate.training, label_loss(model, bench.task.kind)
    if training is None:
        if not bench.config.trial_steps:
            return Curve((), ())
        training = DISTILLATION.model_copy(update={"steps": bench.config.trial_steps})
        loss_of = distillation_loss(model, bench.full, bench.task.kind)
    bench.tracker.stage("training")
    return bench.train_further(number, model, costs, training, loss_of, bench.train, past)


def files_of(bench: Workbench, store: StudyStore, record: TrialRecord) -> Path:
    """The folder with a scored trial's artefact and checkpoint; what was only cut is cut again.

    Raises:
        RunError: The artefact made again is not the one that was scored.
    """
    folder = store.trial_folder(record.number)
    if not folder.is_dir():
        candidate = Candidate.model_validate(record.candidate)
        model = bench.cut(candidate)
        with whole_folder(folder) as whole:
            bench.build(model, candidate, whole)
            if sha256_of(whole / "model.onnx") != record.artifact:
                raise RunError(
                    f"the artefact of trial {record.number} can't be made again as it was scored; were torch or onnx"
                    " changed since? Take another name for the study, and search again"
                )
            bench.save(model, whole)
    return folder


def model_of(bench: Workbench, store: StudyStore, record: TrialRecord) -> ElasticForSequenceClassification:
    """A scored trial's model."""
    if record.curve:
        return ElasticForSequenceClassification.from_pretrained(store.trial_folder(record.number) / CHECKPOINT)
    return bench.cut(Candidate.model_validate(record.candidate))
