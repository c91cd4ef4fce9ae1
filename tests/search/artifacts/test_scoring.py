from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from search.artifacts.scoring import artifact_logits, score_artifact
from search.models.checkpoint import CHECKPOINT
from search.models.elastic import ElasticForSequenceClassification
from search.tasks import Split, Task
from tests.search.conftest import FinishedTrial


@torch.inference_mode()
def checkpoint_logits(trial: FinishedTrial, texts: tuple[str, ...]) -> np.ndarray:
    model = ElasticForSequenceClassification.from_pretrained(trial.folder / CHECKPOINT).eval()
    encoded = [trial.bench.backbone.tokenizer(text, return_tensors="pt") for text in texts]
    return np.concatenate([model(one["input_ids"]).logits.numpy() for one in encoded])


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_logits_are_the_checkpoints_whatever_the_batch(
    batch_size: int, finished_trial: FinishedTrial, tiny_task: Task
) -> None:
    texts = tiny_task.train.texts[:20]
    logits = artifact_logits(finished_trial.folder, texts, batch_size)
    np.testing.assert_allclose(logits, checkpoint_logits(finished_trial, texts), atol=1e-4)


@pytest.mark.parametrize("metric", ["accuracy", "macro-f1"])
def test_the_score_is_the_metric_of_the_likeliest_labels(
    metric: str, finished_trial: FinishedTrial, tiny_task: Task
) -> None:
    task = dataclasses.replace(tiny_task, metric=metric)
    predicted = checkpoint_logits(finished_trial, task.train.texts).argmax(axis=1).tolist()
    # A third of the labels turned, so that no score is perfect.
    labels = tuple(label if i % 3 else 1 - label for i, label in enumerate(task.train.labels))
    split = Split(task.train.texts, labels)
    score = score_artifact(finished_trial.folder, task, split, batch_size=4)
    assert score == pytest.approx(task.score(labels, predicted))
    assert 0 < score < 1


def test_answers_that_are_all_wrong_score_nothing(finished_trial: FinishedTrial, tiny_task: Task) -> None:
    predicted = artifact_logits(finished_trial.folder, tiny_task.validation.texts, 1).argmax(axis=1).tolist()
    wrong = Split(tiny_task.validation.texts, tuple(1 - label for label in predicted))
    assert score_artifact(finished_trial.folder, tiny_task, wrong, batch_size=1) == 0.0


def test_scoring_twice_gives_the_same_figures(finished_int8_trial: FinishedTrial, tiny_task: Task) -> None:
    folder, texts = finished_int8_trial.folder, tiny_task.validation.texts
    assert np.array_equal(artifact_logits(folder, texts, 2), artifact_logits(folder, texts, 2))
