"""Low-rank factors: a weight matrix becomes the product of two thin ones, the nearest (Eckart and Young 1936).

ALBERT (Lan et al. 2020, arXiv 1909.11942) has its word embeddings so; Noach and Goldberg 2020 factorise the dense
layers of a fine-tuned BERT and distil it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from search.compression.step import Draft, Step
from search.models.assembling import WORDS, assembled, frame, taken_apart


@dataclass(frozen=True)
class FactoriseEmbeddings(Step):
    """Store each word piece in fewer channels, which one matrix for all widens."""

    rank: int

    def apply(self, draft: Draft) -> Draft:
        """The draft with the factorised embeddings."""
        config, weights = taken_apart(draft.model)
        config.embedding_rank = self.rank
        narrow, widen = factors(weights[WORDS], self.rank)
        weights |= {WORDS: narrow, "embeddings.widen.weight": widen.T.contiguous()}
        return replace(draft, model=assembled(config, weights))


@dataclass(frozen=True)
class FactoriseDense(Step):
    """Compute the dense layers of the encoder's layers in two steps, where that takes fewer weights."""

    rank: int

    def apply(self, draft: Draft) -> Draft:
        """The draft with factorised dense layers."""
        config, weights = taken_apart(draft.model)
        config.dense_rank = self.rank
        for name in frame(config).state_dict():
            if name.endswith(".narrow.weight"):
                dense = name.removesuffix(".narrow.weight")
                # (out, in) is (out, rank) by (rank, in)
                widen, narrow = factors(weights.pop(f"{dense}.weight"), self.rank)
                weights |= {f"{dense}.narrow.weight": narrow, f"{dense}.widen.weight": widen}
                weights[f"{dense}.widen.bias"] = weights.pop(f"{dense}.bias")
        return replace(draft, model=assembled(config, weights))


def factors(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The (rows, rank) and (rank, columns) matrices whose product is nearest to a (rows, columns) one.

    By the eigenvectors of the columns' products, which are few: a vocabulary has many more rows than columns.
    """
    _, vectors = torch.linalg.eigh(matrix.double().T @ matrix.double())  # eigenvalues ascend
    best = vectors[:, -rank:].flip(-1)
    return (matrix.double() @ best).float().contiguous(), best.T.float().contiguous()
