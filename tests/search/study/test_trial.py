from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

from results.budgets import Budgets
from results.records import TrialRecord
from search.artifacts.scoring import score_artifact
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.study.early_stopping import MIN_FINISHED
from search.study.workbench import Workbench
from search.training.optimisation import REPORTS, DivergenceError
from spaces import Candidate, Compression, Training
from tests.search.conftest import TINY, FinishedTrial, finish, tiny_candidate, with_settings

# Two steps that change next to nothing.
SHORT = Training(learning_rate=1e-9, epochs=1, batch_size=32)
DIVERGING = Training(learning_rate=1e6, epochs=2, batch_size=2)


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
        "epochs": 3,
    }
    for name in ("vocabulary", "max_tokens"):
        choices[name] = max(getattr(bench.space.compression, name).values)
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
    untuned = cut(finished_trial.bench.pretrained, TINY)
    assert not torch.equal(checkpoint.layers[0].attention.query.weight, untuned.layers[0].attention.query.weight)


def test_a_trial_tells_what_it_does_and_how_far_its_training_is(finished_trial: FinishedTrial) -> None:
    assert finished_trial.heard.stages == ["measuring", "training", "scoring the artefact"]
    reports = finished_trial.heard.reports
    assert {report.number for report in reports} == {0}
    steps, metrics = [report.step for report in reports], [report.metrics for report in reports]
    assert len(steps) == 3 * REPORTS
    assert steps == sorted(set(steps))
    assert all(told.keys() == {"train_loss", "epochs", "epoch_score"} for told in metrics)
    assert metrics[-1]["epochs"] == 3
    assert tuple(told["epoch_score"] for told in metrics) == finished_trial.record.curve


def test_a_record_survives_json(finished_trial: FinishedTrial) -> None:
    record = finished_trial.record
    assert TrialRecord.from_dict(record.to_dict()) == record
    assert record.label == "1L 2H 64F 384W fp32"
    assert record.candidate == tiny_candidate()


@pytest.mark.parametrize(
    "budgets", [Budgets(latency_ms=1e-9), Budgets(memory_mb=1), Budgets(size_mb=0.1)], ids=["latency", "memory", "size"]
)
def test_a_candidate_over_budget_ends_before_any_training(budgets: Budgets, bench: Workbench, tmp_path: Path) -> None:
    tried = finish(with_settings(bench, budgets=budgets), tmp_path, tiny_candidate(training=DIVERGING), 3)
    assert (tried.record.status, tried.record.score) == ("over-budget", None)
    assert tried.heard.reports == []
    assert tried.heard.stages == ["measuring"]
    assert not (tried.folder / CHECKPOINT).exists()
    (name,) = budgets.limits
    assert tried.record.reason.startswith(f"{name} ")
    assert tried.record.figures[name] > 0


def test_every_budget_that_is_broken_is_named(bench: Workbench, tmp_path: Path) -> None:
    tight = with_settings(bench, budgets=Budgets(latency_ms=1e-9, memory_mb=2000, size_mb=0.1))
    reason = finish(tight, tmp_path, tiny_candidate()).record.reason
    assert "latency_ms" in reason
    assert "size_mb" in reason
    assert "memory_mb" not in reason


def test_a_score_below_the_floor_is_over_budget_and_keeps_its_score(bench: Workbench, tmp_path: Path) -> None:
    tried = finish(with_settings(bench, budgets=Budgets(score=1)), tmp_path, tiny_candidate(training=SHORT))
    record = tried.record
    assert record.status == "over-budget"
    assert record.score is not None
    assert record.score < 1
    assert "score" in record.reason
    assert "below 1" in record.reason
    assert len(tried.heard.reports) == len(record.curve) == 2


def test_a_training_that_diverges_is_an_error(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(DivergenceError):
        finish(bench, tmp_path, tiny_candidate(training=DIVERGING))
    assert not list(tmp_path.rglob(CHECKPOINT))


def test_the_model_is_the_candidate_that_the_space_sampled(
    sampled: Candidate, bench: Workbench, tmp_path: Path
) -> None:
    assert sampled.architecture.heads == (4, 4)
    assert sampled.compression == Compression(quantisation="dynamic-int8")
    tried = finish(bench, tmp_path, sampled, 7)
    assert (tried.record.number, tried.record.label) == (7, sampled.label)
    assert tried.record.candidate == sampled
    model = ElasticForSequenceClassification.from_pretrained(tried.folder / CHECKPOINT)
    assert model.config.hidden_size == 192
    assert tuple(model.config.heads) == sampled.architecture.heads
    assert tuple(model.config.ffn_sizes) == sampled.architecture.ffn_sizes
    assert [layer.attention.query.out_features for layer in model.layers] == [4 * 32] * 2
    assert [layer.feed_forward.expand.out_features for layer in model.layers] == [448] * 2
    assert sampled.architecture.layers == (0, 5)
    # Int8 makes a file of about a byte a weight.
    weights = sum(weight.numel() for weight in model.parameters())
    assert weights < (tried.folder / "model.onnx").stat().st_size < 1.2 * weights


def test_one_candidate_gives_one_model_in_every_run(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    again = finish(bench, tmp_path, tiny_candidate(), 5)
    assert again.record.score == finished_trial.record.score
    name = "checkpoint/model.safetensors"
    assert (again.folder / name).read_bytes() == (finished_trial.folder / name).read_bytes()


def cheaper(numbers: int, score: float, record: TrialRecord) -> list[TrialRecord]:
    """Trials that cost less than this one and had the score from their first report to their last."""
    assert record.costs is not None
    costs = dataclasses.replace(
        record.costs, latency_ms=record.costs.latency_ms / 1000, size_mb=record.costs.size_mb / 1000
    )
    others: dict[str, Any] = {"costs": costs, "curve": (score,) * 3 * REPORTS, "score": score}
    other = tiny_candidate(training=SHORT.model_copy(update={"epochs": 3}))
    return [dataclasses.replace(record, number=10 + n, candidate=other, **others) for n in range(numbers)]


def test_a_trial_far_behind_cheaper_ones_is_stopped(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    past = cheaper(MIN_FINISHED, 1.01, finished_trial.record)
    tried = finish(bench, tmp_path, tiny_candidate(), 20, past=past)
    record = tried.record
    assert (record.status, record.score) == ("stopped", None)
    assert record.curve == finished_trial.record.curve[:1]
    assert len(tried.heard.reports) == 1
    assert "scoring the artefact" not in tried.heard.stages
    assert record.figures["latency_ms"] > 0
    assert "1 reports" in record.reason
    assert not (tried.folder / CHECKPOINT).exists()


@pytest.mark.parametrize("rivals", [(MIN_FINISHED, 0.0), (MIN_FINISHED - 1, 1.01)], ids=["worse ones", "too few"])
def test_a_trial_is_not_stopped(
    rivals: tuple[int, float], finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    past = cheaper(*rivals, finished_trial.record)
    record = finish(bench, tmp_path, tiny_candidate(training=SHORT), 20, past=past).record
    assert (record.status, len(record.curve)) == ("scored", 2)


def test_an_entrant_is_scored_whatever_it_costs_and_however_far_behind_it_is(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tight = with_settings(bench, budgets=Budgets(size_mb=0.1))
    past = cheaper(MIN_FINISHED, 1.01, finished_trial.record)
    tried = finish(tight, tmp_path, tiny_candidate(training=SHORT), 4, past=past, entrant=True)
    record = tried.record
    assert (record.status, record.entrant, len(record.curve)) == ("over-budget", True, 2)
    assert record.reason.startswith("size_mb ")
    assert record.score == score_artifact(tried.folder, bench.task, bench.task.validation, batch_size=1)
    assert (tried.folder / CHECKPOINT).is_dir()
