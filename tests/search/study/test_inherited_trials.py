"""Trials that train nothing, because they have their weights from the super-network or from another trial."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from results.budgets import Budgets
from search.artifacts.scoring import score_artifact
from search.errors import RunError
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import cut
from search.sampling.store import StudyStore
from search.study.trial import files_of, model_of, run_trial
from search.study.workbench import Workbench
from search.training.optimisation import REPORTS
from spaces import Candidate, Compression
from tests.search.conftest import TINY, FinishedTrial, Remembering, tiny_candidate

INHERITED = Candidate(architecture=TINY, compression=Compression(quantisation="dynamic-int8"))


def with_settings(bench: Workbench, **settings: object) -> tuple[Workbench, Remembering]:
    tracker = Remembering()
    config = bench.config.model_copy(update=settings)
    return dataclasses.replace(bench, config=config, tracker=tracker), tracker


def weights_of(folder: Path) -> bytes:
    return (folder / CHECKPOINT / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def inherited(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> FinishedTrial:
    """A trial of a candidate that was only cut."""
    folder = tmp_path_factory.mktemp("inherited") / "0002"
    tracked, _ = with_settings(bench)
    return FinishedTrial(tracked, run_trial(tracked, 2, INHERITED, folder), folder)


def test_an_inherited_candidate_is_scored_without_training(inherited: FinishedTrial) -> None:
    bench, record = inherited.bench, inherited.record
    assert isinstance(bench.tracker, Remembering)
    assert bench.tracker.stages == ["measuring", "scoring the artefact"]
    assert (record.status, record.curve) == ("scored", ())
    assert record.score == score_artifact(inherited.folder, bench.task, bench.task.validation, batch_size=1)
    assert not (inherited.folder / CHECKPOINT).exists()


def test_the_files_of_an_inherited_candidate_can_be_made_again(inherited: FinishedTrial, tmp_path: Path) -> None:
    store = StudyStore(tmp_path, "tiny")
    folder = files_of(inherited.bench, store, inherited.record)
    assert folder == store.trial_folder(inherited.record.number)
    for name in ("model.onnx", "tokenizer.json"):
        assert (folder / name).read_bytes() == (inherited.folder / name).read_bytes()
    checkpoint = ElasticForSequenceClassification.from_pretrained(folder / CHECKPOINT)
    expected = model_of(inherited.bench, store, inherited.record).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in checkpoint.state_dict().items())


def test_files_that_come_out_otherwise_than_they_were_scored_are_refused(
    inherited: FinishedTrial, tmp_path: Path
) -> None:
    store = StudyStore(tmp_path, "tiny")
    record = dataclasses.replace(inherited.record, artifact="0" * 64)
    for _ in range(2):
        with pytest.raises(RunError, match=f"trial {record.number} can't be made again"):
            files_of(inherited.bench, store, record)


def test_the_files_of_a_trained_trial_are_those_that_it_kept(finished_trial: FinishedTrial, tmp_path: Path) -> None:
    store = StudyStore(tmp_path, "tiny")
    shutil.copytree(finished_trial.folder, store.trial_folder(0))
    folder = files_of(finished_trial.bench, store, finished_trial.record)
    assert weights_of(folder) == weights_of(finished_trial.folder)
    expected = ElasticForSequenceClassification.from_pretrained(finished_trial.folder / CHECKPOINT).state_dict()
    model = model_of(finished_trial.bench, store, finished_trial.record)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


def test_an_inherited_candidate_may_be_given_some_steps_of_training(bench: Workbench, tmp_path: Path) -> None:
    stepping, tracker = with_settings(bench, trial_steps=REPORTS)
    record = run_trial(stepping, 2, INHERITED, tmp_path)
    assert record.status == "scored"
    assert [step for _, step, _ in tracker.progress] == list(range(1, REPORTS + 1))
    assert len(record.curve) == REPORTS
    checkpoint = ElasticForSequenceClassification.from_pretrained(tmp_path / CHECKPOINT)
    assert not torch.equal(checkpoint.classifier.weight, cut(bench.full, TINY).classifier.weight)
    assert record.score == score_artifact(tmp_path, bench.task, bench.task.validation, batch_size=1)


def test_weights_that_an_earlier_trial_learnt_are_not_learnt_again(
    finished_trial: FinishedTrial, finished_int8_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tracked, tracker = with_settings(bench)
    trained = (finished_trial.record, finished_trial.folder)
    record = run_trial(tracked, 6, tiny_candidate("dynamic-int8"), tmp_path, (), trained)
    assert tracker.progress == []
    assert record.curve == finished_trial.record.curve
    # What comes out is what training it anew gives.
    assert (record.score, record.artifact) == (finished_int8_trial.record.score, finished_int8_trial.record.artifact)
    assert weights_of(tmp_path) == weights_of(finished_int8_trial.folder)


def test_a_trial_over_budget_is_not_scored_with_the_weights_of_another(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tight, tracker = with_settings(bench, budgets=Budgets(size_mb=0.1))
    trained = (finished_trial.record, finished_trial.folder)
    record = run_trial(tight, 6, tiny_candidate("dynamic-int8"), tmp_path, (), trained)
    assert (record.status, record.score) == ("over-budget", None)
    assert tracker.stages == ["measuring"]
