"""A corpus: what a space's choices of vocabulary and length refer to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A task's training texts as a backbone's tokenizer sees them.

    Attributes:
        vocabulary: Word pieces of the tokenizer.
        needed: Those that a smaller vocabulary can't do without.
        lengths: How many word pieces a text has: the 0th to the 100th percentile over the texts.
    """

    vocabulary: int
    needed: int
    lengths: tuple[int, ...]

    @property
    def longest(self) -> int:
        """Word pieces of the longest text."""
        return self.lengths[-1]
