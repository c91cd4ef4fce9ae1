"""Fine-tuning: every weight of a candidate, on its task's labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from search.models.elastic import ElasticForSequenceClassification
from search.tasks import Task
from search.tasks.kinds import Kind
from search.training.batches import Batch, EncodedSplit
from search.training.losses import LOSSES

EVALUATION_BATCH_SIZE = 64


def label_loss(model: ElasticForSequenceClassification, kind: Kind) -> Callable[[Batch], Tensor]:
    """The loss of a model's answers against the labels, as the kind of task has it."""
    hard = LOSSES[kind.name].hard

    def loss_of(batch: Batch) -> Tensor:
        return hard(model(batch.input_ids, batch.attention_mask).logits, batch.labels)

    return loss_of


@torch.inference_mode()
def evaluate(model: ElasticForSequenceClassification, task: Task, split: EncodedSplit) -> float:
    """The task's metric of a PyTorch model on a split."""
    model.eval()
    device = next(model.parameters()).device
    labels, logits = [], []
    for batch in split.in_order_of_length(EVALUATION_BATCH_SIZE):
        inputs = batch.to(device)
        logits.append(model(inputs.input_ids, inputs.attention_mask).logits.cpu().numpy())
        labels += batch.labels.tolist()
    model.train()
    return task.score(labels, task.kind.predict(np.concatenate(logits)).tolist())
