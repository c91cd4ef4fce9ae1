"""Optimisation: the steps that every training is made of, whatever its loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count, islice

import numpy as np
import torch
from torch import Tensor, nn
from transformers import get_linear_schedule_with_warmup

from search.training.batches import Batch, EncodedSplit
from spaces import Training

WARMUP_SHARE = 0.1
WEIGHT_DECAY = 0.01
MAX_GRADIENT_NORM = 1.0
# So many reports come in an epoch, or in the whole training where that is counted in steps.
REPORTS = 4


class DivergenceError(Exception):
    """The loss is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training is.

    Attributes:
        step: Steps since the start.
        epochs: Passes through the texts since the start, a fraction between two of them.
        train_loss: Mean loss of the steps since the last report.
    """

    step: int = 0
    epochs: float = 0.0
    train_loss: float = math.nan

    def after(self, before: Progress) -> Progress:
        """How far this is where another training went before it."""
        return replace(self, step=before.step + self.step, epochs=before.epochs + self.epochs)


def optimise(
    model: nn.Module,
    texts: EncodedSplit,
    training: Training,
    loss_of: Callable[[Batch], Tensor],
    *,
    seed: int,
    on_report: Callable[[Progress], bool] = lambda progress: True,
) -> bool:
    """Train a model in place: AdamW, linear warm-up and decay, clipped gradients; on a GPU where there is one.

    Args:
        model: What to train; it comes back on the CPU, in evaluation mode.
        texts: What to learn from.
        training: Learning rate, batch size, and epochs or steps.
        loss_of: The loss of a batch that is on the model's device.
        seed: Decides the order of the texts.
        on_report: Is told ``REPORTS`` times an epoch how far the training is, and answers whether it goes on.

    Returns:
        Whether it went to its end.

    Raises:
        DivergenceError: The loss became infinite or not a number.
    """
    device = training_device()
    model.to(device).train()
    # Norms and biases are not decayed, as BERT was trained (Devlin et al. 2019, arXiv 1810.04805).
    matrices = [weight for weight in model.parameters() if weight.ndim > 1]
    vectors = [weight for weight in model.parameters() if weight.ndim == 1]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)
    n_epoch_steps = n_steps(texts, training.batch_size)
    n_all = training.epochs * n_epoch_steps if training.steps is None else training.steps
    schedule = get_linear_schedule_with_warmup(optimizer, round(WARMUP_SHARE * n_all), n_all)
    unit = n_epoch_steps if training.steps is None else n_all
    due = {max(1, round(report * unit / REPORTS)) for report in range(1, n_all * REPORTS // unit + 1)}
    losses: list[Tensor] = []
    try:
        for step, batch in enumerate(islice(_endless(texts, training.batch_size, seed), n_all), start=1):
            loss = loss_of(batch.to(device))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            losses.append(loss.detach())
            if not math.isfinite(losses[-1]):
                raise DivergenceError(f"the loss became {losses[-1]:.0f} in step {step}")
            if step in due:
                mean_loss = float(torch.stack(losses).mean())
                losses.clear()
                progress = Progress(step=step, epochs=step / n_epoch_steps, train_loss=mean_loss)
                if not on_report(progress):
                    return step == n_all
    finally:
        model.to("cpu").eval()
    return True


def n_steps(texts: EncodedSplit, batch_size: int) -> int:
    """How many steps a pass through the texts takes."""
    return math.ceil(len(texts) / batch_size)


def training_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _endless(texts: EncodedSplit, batch_size: int, seed: int) -> Iterator[Batch]:
    rng = np.random.default_rng(seed)
    return chain.from_iterable(texts.epoch(batch_size, rng) for _ in count())
