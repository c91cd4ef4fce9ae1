from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from search.models.elastic import ElasticForSequenceClassification
from search.study.workbench import Workbench
from search.tasks import Split
from search.training.batches import EncodedSplit
from search.training.fine_tuning import evaluate, label_loss

NewModel = Callable[..., ElasticForSequenceClassification]


def test_the_loss_is_the_cross_entropy_with_the_labels(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    batch = next(bench.train.epoch(8, np.random.default_rng(0)))
    logits = model(batch.input_ids, batch.attention_mask).logits
    expected = functional.cross_entropy(logits, batch.labels)
    torch.testing.assert_close(label_loss(model, bench.task.kind)(batch), expected)


def test_the_loss_teaches_the_model(bench: Workbench, new_tiny_model: NewModel) -> None:
    model = new_tiny_model()
    label_loss(model, bench.task.kind)(next(bench.train.epoch(8, np.random.default_rng(0)))).backward()
    assert model.classifier.weight.grad is not None
    assert model.classifier.weight.grad.any()


def test_evaluating_does_not_train(bench: Workbench, new_tiny_model: NewModel) -> None:
    before, model = new_tiny_model().state_dict(), new_tiny_model()
    score = evaluate(model, bench.task, bench.validation)
    assert 0 <= score <= 1
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("metric", ["accuracy", "macro-f1"])
def test_a_score_is_the_metric_of_the_answers_to_each_text_alone(
    metric: str, bench: Workbench, new_tiny_model: NewModel
) -> None:
    model = new_tiny_model()
    tokenizer, train = bench.backbone.tokenizer, bench.task.train
    task = dataclasses.replace(bench.task, metric=metric)
    with torch.inference_mode():
        inputs = [tokenizer(text, return_tensors="pt") for text in train.texts]
        predicted = [int(model(one["input_ids"]).logits.argmax()) for one in inputs]
    # A third of the labels turned from what the model says, so that the score is known to be neither 0 nor 1.
    labels = tuple(label if i % 3 else 1 - label for i, label in enumerate(predicted))
    split = EncodedSplit(Split(train.texts, labels), tokenizer, task.max_tokens)
    score = evaluate(model, task, split)
    assert score == pytest.approx(task.score(labels, predicted))
    assert 0 < score < 1


def test_evaluating_in_the_middle_of_a_training_changes_nothing_of_it(
    bench: Workbench, new_tiny_model: NewModel
) -> None:
    model = new_tiny_model().train()
    evaluate(model, bench.task, bench.validation)
    assert model.training
