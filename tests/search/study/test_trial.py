from __future__ import annotations

import dataclasses
from pathlib import Path

import optuna
import pytest
import torch

from results.budgets import Budgets
from results.records import TrialRecord, failed_trial
from search.artifacts.scoring import score_artifact
from search.devices.device import MeasurementError
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.study.early_stopping import MIN_FINISHED
from search.study.trial import run_trial
from search.study.workbench import Workbench
from search.training.optimisation import REPORTS, DivergenceError
from spaces import Candidate, Compression, Training
from tests.search.conftest import TINY, FinishedTrial, Remembering, tiny_candidate

# Two steps that change next to nothing.
SHORT = Training(learning_rate=1e-9, epochs=1, batch_size=32)
DIVERGING = Training(learning_rate=1e6, epochs=2, batch_size=2)


def with_settings(bench: Workbench, **settings: object) -> tuple[Workbench, Remembering]:
    tracker = Remembering()
    config = bench.config.model_copy(update=settings)
    return dataclasses.replace(bench, config=config, tracker=tracker), tracker


@pytest.fixture(scope="module")
def sampled(bench: Workbench) -> Candidate:
    choices = {
        "depth": 2,
        "layers": "even",
        "heads": 4,
        "ffn_size": 448,
        "hidden_size": 192,
        "quantisation": "dynamic-int8",
        "per_channel": False,
        "unquantised": "nothing",
        "embedding_rank": 100,
        "dense_rank": 100,
        "learning_rate": 1e-3,
    }
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(choices)
    return bench.space.sample(study.ask())


def test_a_scored_trial_keeps_its_artefact_and_its_checkpoint(finished_trial: FinishedTrial) -> None:
    assert finished_trial.record.status == "scored"
    kept = {path.relative_to(finished_trial.folder).as_posix() for path in finished_trial.folder.rglob("*")}
    assert kept >= {"model.onnx", "tokenizer.json", "checkpoint/model.safetensors", "checkpoint/tokenizer.json"}


def test_the_score_is_that_of_the_kept_artefact(finished_trial: FinishedTrial) -> None:
    task = finished_trial.bench.task
    score = score_artifact(finished_trial.folder, task, task.validation, batch_size=1)
    assert finished_trial.record.score == score
    assert finished_trial.record.score > 0.5


def test_the_checkpoint_was_trained(finished_trial: FinishedTrial) -> None:
    checkpoint = ElasticForSequenceClassification.from_pretrained(finished_trial.folder / CHECKPOINT)
    untuned = cut(finished_trial.bench.full, TINY)
    assert not torch.equal(checkpoint.layers[0].attention.query.weight, untuned.layers[0].attention.query.weight)


def test_a_trial_tells_its_tracker_what_it_does_and_how_far_its_training_is(finished_trial: FinishedTrial) -> None:
    tracker = finished_trial.bench.tracker
    assert isinstance(tracker, Remembering)
    assert tracker.stages == ["measuring", "training", "scoring the artefact"]
    numbers, steps, metrics = zip(*tracker.progress, strict=True)
    assert set(numbers) == {0}
    assert len(steps) == 3 * REPORTS
    assert list(steps) == sorted(set(steps))
    assert all(told.keys() == {"train_loss", "epochs", "epoch_score"} for told in metrics)
    assert metrics[-1]["epochs"] == 3
    assert tuple(told["epoch_score"] for told in metrics) == finished_trial.record.curve


def test_a_record_survives_json(finished_trial: FinishedTrial) -> None:
    record = finished_trial.record
    assert TrialRecord.from_dict(record.to_dict()) == record
    assert record.label == "1L 2H 64F 384W fp32"
    assert Candidate.model_validate(record.candidate) == tiny_candidate()


@pytest.mark.parametrize(
    "budgets", [Budgets(latency_ms=1e-9), Budgets(memory_mb=1), Budgets(size_mb=0.1)], ids=["latency", "memory", "size"]
)
def test_a_candidate_over_budget_ends_before_any_training(budgets: Budgets, bench: Workbench, tmp_path: Path) -> None:
    tight, tracker = with_settings(bench, budgets=budgets)
    record = run_trial(tight, 3, tiny_candidate(training=DIVERGING), tmp_path)
    assert record.status == "over-budget"
    assert record.score is None
    assert tracker.progress == []
    assert tracker.stages == ["measuring"]
    assert not (tmp_path / CHECKPOINT).exists()
    (name,) = budgets.model_dump(exclude_none=True)
    assert record.reason.startswith(f"{name} ")
    assert record.costs[name] > 0


def test_every_budget_that_is_broken_is_named(bench: Workbench, tmp_path: Path) -> None:
    tight, _ = with_settings(bench, budgets=Budgets(latency_ms=1e-9, memory_mb=2000, size_mb=0.1))
    reason = run_trial(tight, 0, tiny_candidate(), tmp_path).reason
    assert "latency_ms" in reason
    assert "size_mb" in reason
    assert "memory_mb" not in reason


def test_a_score_below_the_floor_is_over_budget_and_keeps_its_score(bench: Workbench, tmp_path: Path) -> None:
    strict, tracker = with_settings(bench, budgets=Budgets(score=1))
    record = run_trial(strict, 0, tiny_candidate(training=SHORT), tmp_path)
    assert record.status == "over-budget"
    assert record.score is not None
    assert record.score < 1
    assert "score" in record.reason
    assert "below 1" in record.reason
    assert len(tracker.progress) == len(record.curve) == 2


def test_a_training_that_diverges_is_an_error(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(DivergenceError):
        run_trial(bench, 0, tiny_candidate(training=DIVERGING), tmp_path)
    assert not (tmp_path / CHECKPOINT).exists()


def test_the_model_is_the_candidate_that_the_space_sampled(
    sampled: Candidate, bench: Workbench, tmp_path: Path
) -> None:
    assert sampled.architecture.heads == (4, 4)
    assert sampled.compression == Compression(quantisation="dynamic-int8")
    record = run_trial(bench, 7, sampled, tmp_path)
    assert (record.number, record.label) == (7, sampled.label)
    assert Candidate.model_validate(record.candidate) == sampled
    model = ElasticForSequenceClassification.from_pretrained(tmp_path / CHECKPOINT)
    assert model.config.hidden_size == 192
    assert tuple(model.config.heads) == sampled.architecture.heads
    assert tuple(model.config.ffn_sizes) == sampled.architecture.ffn_sizes
    assert [layer.attention.query.out_features for layer in model.layers] == [4 * 32] * 2
    assert [layer.feed_forward.expand.out_features for layer in model.layers] == [448] * 2
    assert sampled.architecture.layers == (0, 5)
    # Int8 makes a file of about a byte a weight.
    weights = sum(weight.numel() for weight in model.parameters())
    assert weights < (tmp_path / "model.onnx").stat().st_size < 1.2 * weights


def test_one_candidate_gives_one_model_in_every_run(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    again = run_trial(bench, 5, tiny_candidate(), tmp_path)
    assert again.score == finished_trial.record.score
    name = "checkpoint/model.safetensors"
    assert (tmp_path / name).read_bytes() == (finished_trial.folder / name).read_bytes()


def test_a_failed_trial_is_recorded_with_its_error_in_one_line() -> None:
    try:
        raise MeasurementError("the artefact broke\nwith much to say")
    except MeasurementError as error:
        record = failed_trial(4, tiny_candidate(), error, seconds=1.5)
    assert (record.number, record.status, record.seconds) == (4, "failed", 1.5)
    assert record.reason == "MeasurementError: the artefact broke"
    assert "with much to say" in record.details
    assert "Traceback" in record.details
    assert record.figures == {}


def cheaper(numbers: int, score: float, record: TrialRecord) -> list[TrialRecord]:
    """Trials that cost less than this one and had the score from their first report to their last."""
    costs = {name: value / 1000 for name, value in record.costs.items()}
    others = {"costs": costs, "curve": (score,) * 3 * REPORTS, "score": score}
    return [dataclasses.replace(record, number=10 + number, **others) for number in range(numbers)]


def test_a_trial_far_behind_cheaper_ones_is_stopped(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tracked, tracker = with_settings(bench)
    record = run_trial(tracked, 20, tiny_candidate(), tmp_path, cheaper(MIN_FINISHED, 1.01, finished_trial.record))
    assert (record.status, record.score) == ("stopped", None)
    assert record.curve == finished_trial.record.curve[:1]
    assert len(tracker.progress) == 1
    assert "scoring the artefact" not in tracker.stages
    assert record.costs["latency_ms"] > 0
    assert "1 reports" in record.reason
    assert not (tmp_path / CHECKPOINT).exists()


@pytest.mark.parametrize("rivals", [(MIN_FINISHED, 0.0), (MIN_FINISHED - 1, 1.01)], ids=["worse ones", "too few"])
def test_a_trial_is_not_stopped(
    rivals: tuple[int, float], finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    past = cheaper(*rivals, finished_trial.record)
    record = run_trial(bench, 20, tiny_candidate(training=SHORT), tmp_path, past)
    assert (record.status, len(record.curve)) == ("scored", 2)


def test_a_baseline_is_scored_whatever_it_costs_and_however_far_behind_it_is(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tight, _ = with_settings(bench, budgets=Budgets(size_mb=0.1))
    past = cheaper(MIN_FINISHED, 1.01, finished_trial.record)
    record = run_trial(tight, 4, tiny_candidate(training=SHORT), tmp_path, past, baseline=True)
    assert (record.status, record.baseline, len(record.curve)) == ("over-budget", True, 2)
    assert record.reason.startswith("size_mb ")
    assert record.score == score_artifact(tmp_path, bench.task, bench.task.validation, batch_size=1)
    assert (tmp_path / CHECKPOINT).is_dir()
