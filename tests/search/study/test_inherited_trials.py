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
from search.study.standalone import OwnWeights
from search.study.trial import files_of, model_of
from search.study.workbench import Workbench
from search.training.optimisation import REPORTS
from spaces import Candidate, Compression
from tests.search.conftest import TINY, FinishedTrial, finish, inherited, tiny_candidate, with_settings

INHERITED = Candidate(architecture=TINY, compression=Compression(quantisation="dynamic-int8"))


def weights_of(folder: Path) -> bytes:
    return (folder / CHECKPOINT / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def cut_alone(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> FinishedTrial:
    """A trial of a candidate that was only cut."""
    return finish(bench, tmp_path_factory.mktemp("inherited"), INHERITED, 2, weights=inherited(bench))


def test_an_inherited_candidate_is_scored_without_training(cut_alone: FinishedTrial) -> None:
    bench, record = cut_alone.bench, cut_alone.record
    assert cut_alone.heard.stages == ["measuring", "scoring the artefact"]
    assert (record.status, record.curve, record.trained) == ("scored", (), False)
    assert record.score == score_artifact(cut_alone.folder, bench.task, bench.task.validation, batch_size=1)
    assert not (cut_alone.folder / CHECKPOINT).exists()


def test_the_files_of_an_inherited_candidate_can_be_made_again(cut_alone: FinishedTrial, tmp_path: Path) -> None:
    store, weights = StudyStore(tmp_path, "tiny"), inherited(cut_alone.bench)
    folder = files_of(cut_alone.bench, weights, store, cut_alone.record)
    assert folder == store.trial_folder(cut_alone.record.number)
    for name in ("model.onnx", "tokenizer.json"):
        assert (folder / name).read_bytes() == (cut_alone.folder / name).read_bytes()
    checkpoint = ElasticForSequenceClassification.from_pretrained(folder / CHECKPOINT)
    expected = model_of(cut_alone.bench, weights, store, cut_alone.record).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in checkpoint.state_dict().items())


def test_files_that_come_out_otherwise_than_they_were_scored_are_refused(
    cut_alone: FinishedTrial, tmp_path: Path
) -> None:
    store = StudyStore(tmp_path, "tiny")
    record = dataclasses.replace(cut_alone.record, artifact="0" * 64)
    for _ in range(2):
        with pytest.raises(RunError, match=f"trial {record.number} can't be made again"):
            files_of(cut_alone.bench, inherited(cut_alone.bench), store, record)


def test_the_files_of_a_trained_trial_are_those_that_it_kept(finished_trial: FinishedTrial) -> None:
    bench, store = finished_trial.bench, finished_trial.store
    assert files_of(bench, OwnWeights(bench), store, finished_trial.record) == finished_trial.folder
    expected = ElasticForSequenceClassification.from_pretrained(finished_trial.folder / CHECKPOINT).state_dict()
    model = model_of(bench, OwnWeights(bench), store, finished_trial.record)
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


def test_an_inherited_candidate_may_be_given_some_steps_of_training(bench: Workbench, tmp_path: Path) -> None:
    stepping, weights = with_settings(bench, trial_steps=REPORTS), inherited(bench, scored_as_cut=False)
    tried = finish(stepping, tmp_path, INHERITED, 2, weights=weights)
    assert tried.record.status == "scored"
    assert [report.step for report in tried.heard.reports] == list(range(1, REPORTS + 1))
    assert len(tried.record.curve) == REPORTS
    checkpoint = ElasticForSequenceClassification.from_pretrained(tried.folder / CHECKPOINT)
    assert not torch.equal(checkpoint.classifier.weight, cut(bench.pretrained, TINY).classifier.weight)
    assert tried.record.score == score_artifact(tried.folder, bench.task, bench.task.validation, batch_size=1)


def after(trial: FinishedTrial, bench: Workbench, candidate: Candidate, number: int, folder: Path) -> FinishedTrial:
    """A trial in a study that has another one behind it."""
    store = StudyStore(folder, "tiny")
    shutil.copytree(trial.folder, store.trial_folder(trial.record.number))
    return finish(bench, folder, candidate, number, past=[trial.record])


def test_weights_that_an_earlier_trial_learnt_are_not_learnt_again(
    finished_trial: FinishedTrial, finished_int8_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tried = after(finished_trial, bench, tiny_candidate("dynamic-int8"), 6, tmp_path)
    assert tried.heard.reports == []
    assert tried.record.curve == finished_trial.record.curve
    # What comes out is what training it anew gives.
    expected = finished_int8_trial.record
    assert (tried.record.score, tried.record.artifact) == (expected.score, expected.artifact)
    assert weights_of(tried.folder) == weights_of(finished_int8_trial.folder)


def test_a_trial_over_budget_is_not_scored_with_the_weights_of_another(
    finished_trial: FinishedTrial, bench: Workbench, tmp_path: Path
) -> None:
    tight = with_settings(bench, budgets=Budgets(size_mb=0.1))
    tried = after(finished_trial, tight, tiny_candidate("dynamic-int8"), 6, tmp_path)
    assert (tried.record.status, tried.record.score) == ("over-budget", None)
    assert tried.heard.stages == ["measuring"]
