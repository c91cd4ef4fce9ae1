"""Splits that are fixed, stratified, and never share a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from search.tasks.kinds import SINGLE_LABEL, Kind
from search.tasks.task import SPLIT_SEED, Split

VALIDATION_SHARE = 0.1
TEST_SHARE = 0.1


def identity(text: str) -> str:
    """What makes two texts the same: their words, without case and spacing."""
    return " ".join(text.casefold().split())


def without_repeats(split: Split, seen: Iterable[str] = ()) -> Split:
    """The split with only the first of each text, and none whose identity is in ``seen``."""
    known, kept = set(seen), []
    for index, text in enumerate(split.texts):
        if identity(text) not in known:
            known.add(identity(text))
            kept.append(index)
    return _take(split, kept)


def carve(split: Split, shares: Sequence[float], seed: int = SPLIT_SEED, *, kind: Kind = SINGLE_LABEL) -> list[Split]:
    """Carve held-out parts off a split, each stratum in proportion.

    Args:
        split: Examples without repeats.
        shares: The share of the examples that each held-out part takes.
        seed: Which examples go where.
        kind: Tells the strata: where a text has one label, the labels.

    Returns:
        What remains, then a part for each share. A stratum too rare for its share of a part stays in the
        first, so that it can at least be learned.
    """
    rng = np.random.default_rng(seed)
    strata = kind.strata(split.labels)
    parts: list[list[int]] = [[] for _ in range(1 + len(shares))]
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        n_members = len(members)
        for part, share in enumerate(shares, start=1):
            n = round(share * n_members)
            parts[part].extend(members[:n])
            members = members[n:]
        parts[0].extend(members)
    return [_take(split, sorted(part)) for part in parts]


def _take(split: Split, indices: Iterable[int]) -> Split:
    chosen = list(indices)
    return Split(tuple(split.texts[i] for i in chosen), tuple(split.labels[i] for i in chosen))
