"""Fine-tuning: every weight of a candidate, on its task's labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from transformers import get_linear_schedule_with_warmup

from search.models.elastic import ElasticForSequenceClassification
from search.tasks import Task
from search.training.batches import EncodedSplit
from spaces import Training

WARMUP_SHARE = 0.1
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 1.0
EVALUATION_BATCH_SIZE = 64


class DivergenceError(Exception):
    """The loss is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What an epoch brought.

    Attributes:
        number: Epochs since the start, from 1.
        train_loss: Mean cross-entropy of the epoch's steps.
        validation_score: The task's metric of the PyTorch model; the trial's score comes from the artefact.
    """

    number: int
    train_loss: float
    validation_score: float


def fine_tune(
    model: ElasticForSequenceClassification,
    task: Task,
    train: EncodedSplit,
    validation: EncodedSplit,
    training: Training,
    *,
    seed: int,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> None:
    """Fine-tune a model in place: AdamW, linear warm-up and decay, clipped gradients; on a GPU where there is one.

    Args:
        model: Any elastic encoder; it comes back on the CPU, in evaluation mode.
        task: Says how to score.
        train: What to learn from.
        validation: What each epoch is scored on.
        training: Learning rate, epochs and batch size.
        seed: Decides the order of the texts.
        on_epoch: Is told what each epoch brought.

    Raises:
        DivergenceError: The loss became infinite or not a number.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()  # type: ignore[arg-type]  # transformers wraps `to` without its types
    rng = np.random.default_rng(seed)
    # Norms and biases are not decayed, as BERT was trained (Devlin et al. 2019, arXiv 1810.04805).
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim == 1]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)
    n_steps = training.epochs * math.ceil(len(train) / training.batch_size)
    schedule = get_linear_schedule_with_warmup(optimizer, round(WARMUP_SHARE * n_steps), n_steps)
    for number in range(1, training.epochs + 1):
        losses = []
        for batch in train.epoch(training.batch_size, rng):
            inputs = batch.to(device)
            loss = model(inputs.input_ids, inputs.attention_mask, labels=inputs.labels).loss
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            losses.append(loss.detach())
            if not math.isfinite(losses[-1]):
                raise DivergenceError(f"the loss became {losses[-1]:.0f} in epoch {number}, step {len(losses)}")
        train_loss = float(torch.stack(losses).mean())
        on_epoch(Epoch(number=number, train_loss=train_loss, validation_score=evaluate(model, task, validation)))
    model.to("cpu").eval()  # type: ignore[arg-type]


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
