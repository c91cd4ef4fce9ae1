"""Batches of texts of like length, padded no further than they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from search.tasks import Split

# A text without labels has this in their place; torch's losses leave it out.
UNLABELLED = -100

# Texts are sorted by length within so many batches, which is enough to pad little, and few enough to stay random.
BATCHES_SORTED_TOGETHER = 50


@dataclass(frozen=True)
class Batch:
    """One step's inputs: (batch, length) ``input_ids`` and ``attention_mask``, and (batch, ...) ``labels``."""

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor

    @property
    def labelled(self) -> Tensor:
        """Which of the (batch,) texts have labels."""
        return (self.labels != UNLABELLED).reshape(len(self.labels), -1).any(dim=1)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(self.input_ids.to(device), self.attention_mask.to(device), self.labels.to(device))


class EncodedSplit:
    """A split as word pieces, in memory, ready to be batched.

    Args:
        split: Texts and labels.
        tokenizer: Turns texts into word pieces.
        max_tokens: Longer texts are cut.
    """

    def __init__(self, split: Split, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
        encoded = tokenizer(list(split.texts), truncation=True, max_length=max_tokens, padding=False)
        self._ids: list[list[int]] = encoded["input_ids"]
        shape = max(map(np.shape, split.labels), key=len, default=())
        self._labels = np.array([np.broadcast_to(label, shape) for label in split.labels])
        self._pad = tokenizer.pad_token_id or 0

    def __len__(self) -> int:
        return len(self._ids)

    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Every text once, in random batches of similar lengths."""
        order = rng.permutation(len(self))
        window = batch_size * BATCHES_SORTED_TOGETHER
        batches: list[np.ndarray] = []
        for start in range(0, len(order), window):
            by_length = sorted(order[start : start + window], key=lambda index: len(self._ids[index]))
            batches += [np.asarray(by_length[i : i + batch_size]) for i in range(0, len(by_length), batch_size)]
        for position in rng.permutation(len(batches)):
            yield self._batch(batches[position])

    def in_order_of_length(self, batch_size: int) -> Iterator[Batch]:
        """Every text once, shortest first, for evaluation."""
        by_length = sorted(range(len(self)), key=lambda index: len(self._ids[index]))
        for start in range(0, len(by_length), batch_size):
            yield self._batch(by_length[start : start + batch_size])

    def _batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        longest = max(len(self._ids[index]) for index in indices)
        ids = torch.full((len(indices), longest), self._pad)
        mask = torch.zeros(len(indices), longest, dtype=torch.long)
        for row, index in enumerate(indices):
            ids[row, : len(self._ids[index])] = torch.tensor(self._ids[index])
            mask[row, : len(self._ids[index])] = 1
        return Batch(ids, mask, torch.from_numpy(self._labels[np.asarray(indices)]))
