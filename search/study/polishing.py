"""Polishing as a job: a member of the front is trained further from the weights that it has."""

from __future__ import annotations

from dataclasses import replace

from results.attempts import Attempt
from search.files import sha256_of
from search.runtime.classifier import MODEL
from search.sampling.store import StudyStore
from search.study.job import Job, Stage, Tell
from search.study.strategy import Weights
from search.study.trial import model_of
from search.study.workbench import Workbench
from search.tasks import Split
from search.training.batches import UNLABELLED, EncodedSplit
from search.training.distillation import DISTILLATION, distillation_loss


def run_polishing(bench: Workbench, weights: Weights, store: StudyStore, job: Job, tell: Tell) -> Attempt:
    """Train a member of the front further by distillation, and measure and score it again.

    Args:
        bench: What the study's trials share.
        weights: They have the teacher.
        store: Keeps the polished version.
        job: Says what to polish.
        tell: Hears how far it is.
    """
    member, folder = job.polishes, store.trial_folder(job.number)
    if member is None or member.costs is None or weights.teacher is None:
        raise ValueError(f"trial {job.number} has nothing to polish, or nothing to learn it from")
    store.discard(job.number)
    tell(Stage("polishing"))
    model = model_of(bench, weights, store, member)
    training = DISTILLATION.model_copy(update={"epochs": bench.config.polish_epochs})
    curve = bench.trainer.train(
        job.number,
        model,
        member.costs,
        training,
        distillation_loss(model, weights.teacher, bench.task.kind),
        with_unlabelled(bench),
        job.rivals,
        tell,
    )
    attempt = replace(
        job.attempt,
        costs=member.costs,
        unknown_rate=member.unknown_rate,
        curve=curve.scores,
        finished=curve.finished,
    )
    if not curve.finished:
        return attempt
    bench.maker.build(model, job.candidate, folder)
    bench.maker.save(model, folder)
    return replace(
        attempt,
        costs=bench.meter.measured(folder),
        score=bench.examiner.score(folder),
        artifact=sha256_of(folder / MODEL),
    )


def with_unlabelled(bench: Workbench) -> EncodedSplit:
    """The training texts, and those without labels that the study was given."""
    if not bench.unlabelled:
        return bench.train
    train = bench.task.train
    whole = Split(
        texts=(*train.texts, *bench.unlabelled),
        labels=(*train.labels, *[UNLABELLED] * len(bench.unlabelled)),
    )
    return EncodedSplit(whole, bench.backbone.tokenizer, bench.task.max_tokens)
