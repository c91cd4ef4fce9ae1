"""The entrants of a study: what an engineer would deploy without a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spaces.candidate import Architecture, Candidate, Compression, Training
from spaces.space import Space

# A shallower entrant is left with one of these shares of the backbone's layers.
LAYER_SHARES = (1 / 3, 1 / 2, 2 / 3)

INT8 = Compression(quantisation="dynamic-int8")


@dataclass(frozen=True, kw_only=True)
class Entrants:
    """The candidates that every study tries before it searches, so that its front can be compared with them.

    Attributes:
        full_fp32: The full-size model as it is.
        full_int8: The same in int8.
        shallower: The latter with fewer layers, evenly spaced, as DistilBERT was made (Sanh et al. 2019,
            arXiv 1910.01108); the deepest first.
    """

    full_fp32: Candidate
    full_int8: Candidate
    shallower: tuple[Candidate, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All of them, in the order in which they are tried."""
        return (self.full_fp32, self.full_int8, *self.shallower)


def entrants_of(space: Space) -> Entrants:
    """The entrants of a space, trained as one would choose without a search."""
    full, training = full_architecture(space), _plain_training(space)
    depths = sorted({max(1, round(share * full.depth)) for share in LAYER_SHARES} - {full.depth}, reverse=True)
    return Entrants(
        full_fp32=Candidate(architecture=full, compression=Compression(), training=training),
        full_int8=Candidate(architecture=full, compression=INT8, training=training),
        shallower=tuple(
            Candidate(architecture=_with_layers(full, space.kept(depth, "even")), compression=INT8, training=training)
            for depth in depths
        ),
    )


def full_architecture(space: Space) -> Architecture:
    """The backbone at full size; without a backbone, the largest encoder of the space."""
    shape = space.shape
    if shape.resizable:
        return space.largest()
    return Architecture.uniform(
        range(shape.depth), heads=shape.heads, ffn_size=shape.ffn_size, hidden_size=shape.hidden_size
    )


def _with_layers(full: Architecture, layers: Sequence[int]) -> Architecture:
    return Architecture.uniform(layers, heads=full.heads[0], ffn_size=full.ffn_sizes[0], hidden_size=full.hidden_size)


def _plain_training(space: Space) -> Training | None:
    """What one would choose of the space without a search: the middle, and as many epochs as there may be."""
    if space.training is None:
        return None
    return Training(
        learning_rate=space.training.learning_rate.middle,
        epochs=max(space.training.epochs.values),
        batch_size=space.training.batch_size.middle,
    )
