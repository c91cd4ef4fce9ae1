"""What may be chosen: candidates, and the spaces that they are sampled from."""

from spaces.candidate import Architecture, Candidate, Compression, Quantisation, Shape, Training
from spaces.space import Space, kept_layers, nearest, preset_descriptions, preset_names

__all__ = [
    "Architecture",
    "Candidate",
    "Compression",
    "Quantisation",
    "Shape",
    "Space",
    "Training",
    "kept_layers",
    "nearest",
    "preset_descriptions",
    "preset_names",
]
