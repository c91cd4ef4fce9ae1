"""Polish: the front's members are trained further from the weights that they inherited."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from results.choosing import standing_of
from results.records import TrialRecord, failed_trial, new_record
from search.devices.device import DeviceError
from search.files import sha256_of
from search.sampling.ledger import Ledger
from search.sampling.store import StudyStore
from search.study.trial import DISTILLATION, model_of
from search.study.workbench import Workbench
from search.tasks import Split
from search.training.batches import UNLABELLED, EncodedSplit
from search.training.distillation import distillation_loss
from spaces import Candidate
from spaces.baselines import full_architecture


def polish(bench: Workbench, store: StudyStore, ledger: Ledger, deadline: float) -> None:
    """Polish every member of the front that isn't yet, the recommended one first, as long as there is time.

    Then what would be on the front but for the floor under the score, which counts after polishing: from the best
    score down, until one misses the floor even so.

    Args:
        bench: What the study's trials share; its full-size model is the teacher.
        store: Keeps what is made.
        ledger: The study's trials; a polished version is a trial of its own.
        deadline: By ``time.monotonic``; no member is begun after it.
    """
    texts = with_unlabelled(bench)
    # Anew after each: a polished version that takes its member's place may let others onto the front.
    while members := _unpolished(bench, ledger) or _short_of_the_floor(bench, ledger):
        member = members[0]
        if time.monotonic() > deadline:
            bench.tracker.stage("time is up before all of the front is polished")
            return
        number = ledger.next_number
        store.discard(number)
        ledger.tracker.start_trial(number, f"{member.label} polished")
        try:
            record = polish_member(bench, number, member, store, ledger.records, texts)
        except DeviceError:
            raise
        except Exception as error:
            candidate = Candidate.model_validate(member.candidate)
            record = failed_trial(number, candidate, error, polishes=member.number)
        if record.status != "scored":
            store.discard(number)
        ledger.enter(record)


def polish_member(
    bench: Workbench,
    number: int,
    member: TrialRecord,
    store: StudyStore,
    past: Sequence[TrialRecord],
    texts: EncodedSplit,
) -> TrialRecord:
    """Train a member of the front further by distillation, and measure and score it again.

    Args:
        bench: What the study's trials share.
        number: The number of the polished version.
        member: What to polish.
        store: Keeps the polished version.
        past: The study's earlier trials.
        texts: What to learn from.
    """
    started = time.perf_counter()
    candidate, folder = Candidate.model_validate(member.candidate), store.trial_folder(number)
    bench.tracker.stage("polishing")
    model = model_of(bench, store, member)
    training = DISTILLATION.model_copy(update={"epochs": bench.config.polish_epochs})
    rivals = [record for record in past if record.polishes is not None]
    loss_of = distillation_loss(model, bench.full, bench.task.kind)
    curve = bench.train_further(number, model, member.costs, training, loss_of, texts, rivals)
    costs, score, reason = None, None, "its score is too far below that of cheaper ones that were polished"
    if curve.finished:
        bench.build(model, candidate, folder)
        bench.save(model, folder)
        costs = bench.measure_anew(folder)
        score = bench.score(folder)
        reason = bench.over_budget({**costs.figures, "score": score})
        if not reason and score <= (member.score or 0):
            reason = f"no better than the {member.score:.4f} of #{member.number}, which keeps its weights"
    return new_record(
        number,
        candidate,
        label=f"{member.label} polished",
        status="stopped" if not curve.finished else "worse" if reason else "scored",
        reason=reason,
        costs=costs.figures if costs else member.costs,
        machine=costs.machine if costs else member.machine,
        score=score,
        unknown_rate=member.unknown_rate,
        curve=curve.scores,
        artifact=sha256_of(folder / "model.onnx") if costs else "",
        polishes=member.number,
        seconds=time.perf_counter() - started,
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


def _unpolished(bench: Workbench, ledger: Ledger) -> list[TrialRecord]:
    """The members to polish, the recommended one first."""
    members = [member for member in ledger.standing.members if _may_gain(bench, ledger, member)]
    return sorted(members, key=lambda member: member.number != ledger.standing.recommended)


def _short_of_the_floor(bench: Workbench, ledger: Ledger) -> list[TrialRecord]:
    """What only the floor under the score keeps off the front, the best score first; none once one missed it again."""
    short = {record.number: record for record in ledger.records if _misses_only_the_floor(bench, record)}
    if any(record.polishes in short and record.status != "scored" for record in ledger.records):
        return []
    without_floor = [
        replace(record, status="scored") if record.number in short else record for record in ledger.records
    ]
    front = standing_of(without_floor, bench.config.objectives).front
    members = [short[number] for number in front if number in short and _may_gain(bench, ledger, short[number])]
    return sorted(members, key=lambda member: -(member.score or 0))


def _misses_only_the_floor(bench: Workbench, record: TrialRecord) -> bool:
    if record.status != "over-budget" or record.score is None or record.polishes is not None:
        return False
    return [name for name, by in bench.config.budgets.excess(record.figures).items() if by > 0] == ["score"]


def _may_gain(bench: Workbench, ledger: Ledger, member: TrialRecord) -> bool:
    """Whether it was not polished yet; the full-size model would be its own teacher."""
    tried = {record.polishes for record in ledger.records}
    architecture = Candidate.model_validate(member.candidate).architecture
    return member.polishes is None and member.number not in tried and architecture != full_architecture(bench.space)
