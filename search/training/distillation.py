"""Distillation: a small network learns from a larger one's answers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from search.models.elastic import ElasticForSequenceClassification
from search.tasks.kinds import Kind
from search.training.batches import Batch
from search.training.losses import LOSSES
from search.training.optimisation import training_device
from spaces import Training

# What was cut from a larger network is trained further like this.
DISTILLATION = Training(learning_rate=2e-4, batch_size=32)
# The hidden states count so much beside the answers.
HIDDEN_WEIGHT = 0.1


def matched_layers(depth: int, teacher_depth: int) -> list[int]:
    """The teacher's layer that each layer of a student is matched with, evenly (Jiao et al. 2020, TinyBERT).

    Example:
        >>> matched_layers(3, 6)
        [1, 3, 5]
    """
    return [round((layer + 1) * teacher_depth / depth) - 1 for layer in range(depth)]


def distillation_loss(
    student: ElasticForSequenceClassification, teacher: ElasticForSequenceClassification, kind: Kind
) -> Callable[[Batch], Tensor]:
    """The loss of a batch: towards the teacher's answers and hidden states, and towards the labels there are.

    Hidden states count where the student is as wide as the teacher: a narrower one has normalised other channels.

    Args:
        student: What is trained.
        teacher: What it learns from; it is moved to where training happens, and otherwise stays as it is.
        kind: Of the task that it learns.
    """
    teacher.to(training_device())  # type: ignore[arg-type]  # transformers wraps `to` without its types
    losses = LOSSES[kind.name]
    as_wide = student.config.hidden_size == teacher.config.hidden_size
    layers = matched_layers(student.config.num_hidden_layers, teacher.config.num_hidden_layers)

    def loss_of(batch: Batch) -> Tensor:
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "output_hidden_states": as_wide}
        with torch.no_grad():
            taught = teacher(**inputs)
        answer = student(**inputs)
        loss = losses.soft(answer.logits, taught.logits)
        labelled = batch.labelled
        if labelled.any():
            loss = loss + losses.hard(answer.logits[labelled], batch.labels[labelled])
        if as_wide:
            # State 0 is that of the embeddings.
            pairs = [(answer.hidden_states[i + 1], taught.hidden_states[j + 1]) for i, j in enumerate(layers)]
            loss = loss + HIDDEN_WEIGHT * torch.stack([_distance(*pair, batch.attention_mask) for pair in pairs]).mean()
        return loss

    return loss_of


def _distance(hidden: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """The mean squared difference of (batch, length, hidden) states, padding left out, as a share of the variance."""
    present = mask.bool()
    return functional.mse_loss(hidden[present], target[present]) / target[present].var()
