"""Importance: which heads and channels a task can do without, by the estimators of torch-pruning."""

from __future__ import annotations

from itertools import islice

import numpy as np
import torch
import torch_pruning
from torch import Tensor

from search.models.elastic import ElasticForSequenceClassification
from search.models.ordering import order_by_importance
from search.tasks.kinds import Kind
from search.training.batches import EncodedSplit
from search.training.fine_tuning import label_loss
from spaces import Importance

BATCH_SIZE = 32
# The gradients of so many batches say how much a channel matters.
N_BATCHES = 32
# The gradients of so many texts are squared, which are found one by one.
N_TEXTS = 128

SCORERS = {
    # The L2 norm of the weights needs no data.
    "magnitude": torch_pruning.importance.GroupMagnitudeImportance(p=2),
    # A channel counts by what it changes the loss, to the first order (Molchanov et al. 2019, arXiv 1906.10771).
    "taylor": torch_pruning.importance.GroupTaylorImportance(),
    # Squared gradients stand for the Hessian's diagonal (LeCun et al. 1989, Optimal Brain Damage).
    "hessian": torch_pruning.importance.GroupHessianImportance(),
    # Chance is what the others have to beat.
    "random": torch_pruning.importance.RandomImportance(),
}


def order_channels(
    model: ElasticForSequenceClassification, importance: Importance, texts: EncodedSplit, kind: Kind, *, seed: int
) -> None:
    """Sort a model's heads and channels in place, the most important for a task first.

    Args:
        model: The encoder to sort; it computes what it computed before.
        importance: What tells how much a channel matters.
        texts: The task's training texts.
        kind: The task's kind, whose loss has the gradients.
        seed: Decides which texts are read, and what is random.
    """
    if importance == "taylor":
        _sum_gradients(model, texts, kind, seed)
    if importance == "hessian":
        _square_gradients(model, texts, kind, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order_by_importance(model, SCORERS[importance])
    model.zero_grad()


def _sum_gradients(model: ElasticForSequenceClassification, texts: EncodedSplit, kind: Kind, seed: int) -> None:
    loss_of = label_loss(model, kind)
    for batch in islice(texts.epoch(BATCH_SIZE, np.random.default_rng(seed)), N_BATCHES):
        loss_of(batch).backward()


def _square_gradients(model: ElasticForSequenceClassification, texts: EncodedSplit, kind: Kind, seed: int) -> None:
    """Leave the sum of each text's squared gradients at the weights, where the scorer looks for it.

    Not by the scorer's own ``accumulate_grad``, which in torch-pruning 1.6.1 keeps the last text's alone.
    """
    loss_of = label_loss(model, kind)
    squares: dict[str, Tensor] = {}
    for batch in islice(texts.epoch(1, np.random.default_rng(seed)), N_TEXTS):
        model.zero_grad()
        loss_of(batch).backward()
        for name, weight in model.named_parameters():
            if weight.grad is not None:
                squares[name] = squares.get(name, 0) + weight.grad.square()
    for name, weight in model.named_parameters():
        weight.grad = squares.get(name)
