"""The losses of each kind of task: towards the labels, and towards a teacher's answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from search.tasks.kinds import SINGLE_LABEL


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What is minimised for a kind of task.

    Attributes:
        hard: Of (texts, labels) logits, with the labels of the texts.
        soft: Of (texts, labels) logits, with a teacher's.
    """

    hard: Callable[[Tensor, Tensor], Tensor]
    soft: Callable[[Tensor, Tensor], Tensor]


def soft_cross_entropy(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """The mean cross-entropy of (texts, labels) logits with a teacher's probabilities (Hinton et al. 2015)."""
    return functional.cross_entropy(logits, teacher_logits.softmax(dim=-1))


# This is the list of all that there are, by the name of the kind.
LOSSES: dict[str, Losses] = {
    SINGLE_LABEL.name: Losses(hard=functional.cross_entropy, soft=soft_cross_entropy),
}
