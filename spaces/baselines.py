"""The baselines: what an engineer would deploy without a search, so that a front can be compared with it."""

from __future__ import annotations

from collections.abc import Sequence

from spaces.candidate import Architecture, Candidate, Compression, Training
from spaces.space import Space

# The shares of its layers that a backbone is left with.
LAYER_SHARES = (1 / 3, 1 / 2, 2 / 3)

INT8 = Compression(quantisation="dynamic-int8")


def baselines(space: Space) -> list[Candidate]:
    """The full-size model as fp32 and as int8, and the latter with fewer layers, evenly spaced.

    Fewer layers are what DistilBERT was made by (Sanh et al. 2019, arXiv 1910.01108).
    """
    full = full_architecture(space)
    depths = sorted({max(1, round(share * full.depth)) for share in LAYER_SHARES} - {full.depth}, reverse=True)
    plain = [(full, Compression()), (full, INT8), *((_with_layers(full, space.kept(d, "even")), INT8) for d in depths)]
    training = _plain_training(space)
    return [
        Candidate(architecture=architecture, compression=compression, training=training)
        for architecture, compression in plain
    ]


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
