from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax

from search.artifacts.scoring import artifact_logits
from search.bundles.agreement import TOLERANCES, disagreement
from search.bundles.bundle import Bundle
from search.graphs.export import export_onnx
from search.models.elastic import ElasticForSequenceClassification
from search.tasks import Task
from tests.search.conftest import FinishedTrial


@pytest.fixture
def bundle(finished_trial: FinishedTrial, tmp_path: Path) -> Bundle:
    return finished_trial.export(tmp_path / "bundle")


def test_an_fp32_artefact_agrees_with_its_checkpoint(bundle: Bundle, tiny_task: Task) -> None:
    assert disagreement(bundle.folder, tiny_task, batch_size=1) <= TOLERANCES["none"].probability


def test_padding_in_larger_batches_makes_no_difference(bundle: Bundle, tiny_task: Task) -> None:
    assert disagreement(bundle.folder, tiny_task, batch_size=4) <= TOLERANCES["none"].probability


def test_an_int8_artefact_differs_within_its_tolerance(
    finished_int8_trial: FinishedTrial, tiny_task: Task, tmp_path: Path
) -> None:
    folder = finished_int8_trial.export(tmp_path / "bundle").folder
    assert 0 < disagreement(folder, tiny_task, batch_size=1) <= TOLERANCES["dynamic-int8"].probability


def test_another_model_disagrees_by_the_mean_of_the_largest_differences(bundle: Bundle, tiny_task: Task) -> None:
    expected = softmax(artifact_logits(bundle.folder, tiny_task.validation.texts, 1), axis=1)
    other = ElasticForSequenceClassification.from_pretrained(bundle.folder)
    with torch.no_grad():
        other.classifier.bias[0] += 100
    export_onnx(other, bundle.folder / "model.onnx")
    answered = softmax(artifact_logits(bundle.folder, tiny_task.validation.texts, 1), axis=1)
    off = disagreement(bundle.folder, tiny_task, batch_size=1)
    assert off == pytest.approx(np.abs(answered - expected).max(axis=1).mean(), abs=1e-4)
    assert off > TOLERANCES["dynamic-int8"].probability


def test_weights_that_are_not_numbers_never_count_as_agreement(bundle: Bundle, tiny_task: Task) -> None:
    broken = ElasticForSequenceClassification.from_pretrained(bundle.folder)
    with torch.no_grad():
        broken.classifier.bias.fill_(float("nan"))
    export_onnx(broken, bundle.folder / "model.onnx")
    assert not disagreement(bundle.folder, tiny_task, batch_size=1) <= TOLERANCES["dynamic-int8"].probability


def test_a_checkpoint_that_is_missing_is_an_error(bundle: Bundle, tiny_task: Task) -> None:
    (bundle.folder / "model.safetensors").unlink()
    shutil.rmtree(bundle.folder / "nothing", ignore_errors=True)
    with pytest.raises(OSError, match="safetensors"):
        disagreement(bundle.folder, tiny_task, batch_size=1)
