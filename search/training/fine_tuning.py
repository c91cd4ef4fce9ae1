"""Fine-tuning: every weight of a candidate, on its task's labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from search.models.elastic import ElasticForSequenceClassification
from search.tasks import Task
from search.training.batches import Batch, EncodedSplit

EVALUATION_BATCH_SIZE = 64


def label_loss(model: ElasticForSequenceClassification) -> Callable[[Batch], Tensor]:
    """The cross-entropy of a model's answers with the labels."""

    def loss_of(batch: Batch) -> Tensor:
        loss: Tensor = model(batch.input_ids, batch.attention_mask, labels=batch.labels).loss
        return loss

    return loss_of


@torch.inference_mode()
def evaluate(model: ElasticForSequenceClassification, task: Task, split: EncodedSplit) -> float:
    """The task's metric of a PyTorch model on a split."""
    model.eval()
    device = next(model.parameters()).device
    labels, predicted = [], []
    for batch in split.in_order_of_length(EVALUATION_BATCH_SIZE):
        inputs = batch.to(device)
        predicted += model(inputs.input_ids, inputs.attention_mask).logits.argmax(dim=1).tolist()
        labels += batch.labels.tolist()
    model.train()
    return task.score(labels, predicted)
