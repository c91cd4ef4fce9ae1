"""The super-network: one fine-tuning that makes every candidate of a space good as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from search.models.elastic import ElasticForSequenceClassification
from search.models.slicing import run_slice
from search.tasks.kinds import Kind
from search.training.batches import Batch, EncodedSplit
from search.training.fine_tuning import label_loss
from search.training.importance import order_channels
from search.training.losses import LOSSES
from search.training.optimisation import Progress, n_steps, optimise
from spaces import Architecture, Importance, Training

BATCH_SIZE = 32
# The largest network trains alone first: it is the teacher, and what matters in it decides the order of its channels.
ALONE = Training(learning_rate=1e-4, epochs=1, batch_size=BATCH_SIZE)
TOGETHER = Training(learning_rate=2e-4, batch_size=BATCH_SIZE)


def train_super_network(
    model: ElasticForSequenceClassification,
    train: EncodedSplit,
    kind: Kind,
    epochs: int,
    smallest: Architecture,
    draw: Callable[[], Architecture],
    *,
    importance: Importance,
    seed: int,
    on_report: Callable[[str, Progress], None],
) -> None:
    """Fine-tune an encoder in place such that its slices are good classifiers.

    After an epoch on the labels, heads and channels are ordered by their importance. Then follows the sandwich
    rule (Yu and Huang 2019, arXiv 1903.05134): in every step the largest network learns from the labels, the
    smallest and a random one from the largest's answers.

    Args:
        model: The encoder at full size.
        train: What to learn from.
        kind: The task's kind.
        epochs: Passes through the texts under the sandwich rule.
        smallest: The smallest architecture of the space.
        draw: Draws another architecture of the space at every call.
        importance: What orders heads and channels.
        seed: Decides the order of the texts.
        on_report: Is told the phase and how far the whole training is; steps and epochs count on.
    """
    alone, losses = label_loss(model, kind), LOSSES[kind.name]

    def together(batch: Batch) -> Tensor:
        largest = model(batch.input_ids, batch.attention_mask).logits
        loss = losses.hard(largest, batch.labels)
        answers = largest.detach()
        for architecture in (smallest, draw()):
            logits: Any = run_slice(model, architecture, batch.input_ids, batch.attention_mask).logits
            loss = loss + losses.soft(logits, answers)
        return loss

    def say(phase: str, before: Progress) -> Callable[[Progress], bool]:
        def report(progress: Progress) -> bool:
            on_report(phase, progress.after(before))
            return True

        return report

    optimise(model, train, ALONE, alone, seed=seed, on_report=say("alone", Progress()))
    order_channels(model, importance, train, kind, seed=seed)
    training = TOGETHER.model_copy(update={"epochs": epochs})
    done = Progress(step=ALONE.epochs * n_steps(train, BATCH_SIZE), epochs=ALONE.epochs)
    optimise(model, train, training, together, seed=seed + 1, on_report=say("together", done))
