"""What may be chosen: candidates, and the spaces that they are sampled from."""

from spaces.candidate import (
    Architecture,
    Candidate,
    Compression,
    Importance,
    Quantisation,
    Shape,
    Training,
    Unquantised,
)
from spaces.compressions import CompressionChoices
from spaces.corpus import Corpus
from spaces.space import Space, kept_layers, nearest, preset_descriptions, preset_names, read_space

__all__ = [
    "Architecture",
    "Candidate",
    "Compression",
    "CompressionChoices",
    "Corpus",
    "Importance",
    "Quantisation",
    "Shape",
    "Space",
    "Training",
    "Unquantised",
    "kept_layers",
    "nearest",
    "preset_descriptions",
    "preset_names",
    "read_space",
]
