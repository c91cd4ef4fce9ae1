"""One trial: a candidate is cut, measured, trained if need be, and scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from results.attempts import Attempt
from results.records import TrialRecord
from search.errors import RunError
from search.files import sha256_of, whole_folder
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.runtime.classifier import MODEL
from search.sampling.store import StudyStore
from search.study.early_stopping import Curve
from search.study.job import Job, Stage, Tell
from search.study.screening import screened
from search.study.strategy import Weights
from search.study.workbench import Workbench


def run_trial(bench: Workbench, weights: Weights, store: StudyStore, job: Job, tell: Tell) -> Attempt:
    """Measure a candidate, and train and score it if its costs are within the budgets.

    Costs don't depend on the weights, so what is over budget ends before any training.

    Args:
        bench: What the study's trials share.
        weights: What the candidate is cut from.
        store: Keeps its artefact and, if it was trained, its checkpoint.
        job: The trial.
        tell: Hears what it does.
    """
    candidate, folder = job.candidate, store.trial_folder(job.number)
    tell(Stage("measuring"))
    model = bench.maker.cut(candidate, weights.whole(candidate))
    bench.maker.build(model, candidate, folder)
    if spared := screened(bench, weights, job, folder):
        return spared
    costs = bench.meter.costs(model, candidate, folder)
    if bench.screen is not None:
        bench.screen.learn(costs)
    attempt = replace(
        job.attempt,
        costs=costs,
        unknown_rate=bench.examiner.unknown_rate(candidate, folder),
        artifact=sha256_of(folder / MODEL),
    )
    if bench.config.budgets.over(costs.figures) and not job.entrant:
        return attempt
    model, curve = _learnt(store, job) or weights.train(bench, job, model, costs, tell)
    attempt = replace(attempt, curve=curve.scores, finished=curve.finished)
    if not curve.finished:
        return attempt
    tell(Stage("scoring the artefact"))
    if curve.scores:
        bench.maker.build(model, candidate, folder)
        bench.maker.save(model, folder)
    return replace(attempt, score=bench.examiner.score(folder), artifact=sha256_of(folder / MODEL))


def files_of(bench: Workbench, weights: Weights, store: StudyStore, record: TrialRecord) -> Path:
    """The folder with a scored trial's artefact and checkpoint; what was only cut is cut again.

    Raises:
        RunError: The artefact made again is not the one that was scored.
    """
    folder = store.trial_folder(record.number)
    if not folder.is_dir():
        model = bench.maker.cut(record.candidate, weights.whole(record.candidate))
        with whole_folder(folder) as whole:
            bench.maker.build(model, record.candidate, whole)
            if sha256_of(whole / MODEL) != record.artifact:
                raise RunError(
                    f"the artefact of trial {record.number} can't be made again as it was scored; were torch or onnx"
                    " changed since? Take another name for the study, and search again"
                )
            bench.maker.save(model, whole)
    return folder


def model_of(
    bench: Workbench, weights: Weights, store: StudyStore, record: TrialRecord
) -> ElasticForSequenceClassification:
    """A scored trial's model."""
    if record.trained:
        return _kept(store, record)
    return bench.maker.cut(record.candidate, weights.whole(record.candidate))


def _learnt(store: StudyStore, job: Job) -> tuple[ElasticForSequenceClassification, Curve] | None:
    """The weights that an earlier trial learnt, where this one would learn the same, and how its score grew."""
    for record in job.past:
        alike = record.candidate.inheritance == job.candidate.inheritance and record.polishes is None
        if alike and record.trained and record.score is not None:
            return _kept(store, record).eval(), Curve((), record.curve)
    return None


def _kept(store: StudyStore, record: TrialRecord) -> ElasticForSequenceClassification:
    return ElasticForSequenceClassification.from_pretrained(store.trial_folder(record.number) / CHECKPOINT)
