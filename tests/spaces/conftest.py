"""Shapes and spaces that the tests of spaces share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import yaml
from hypothesis import assume
from hypothesis import strategies as st

from spaces import Candidate, Corpus, Shape, Space

MINILM = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
BERT_BASE = Shape(depth=12, heads=12, head_size=64, ffn_size=3072, hidden_size=768)
SCRATCH = Shape(depth=4, heads=8, head_size=32, ffn_size=1024, hidden_size=256, resizable=True)
SHAPES = {"minilm": MINILM, "bert-base": BERT_BASE, "scratch": SCRATCH}

FEW: dict[str, Any] = {
    "architecture": {"depth": [2, 3], "layers": ["even", "first"], "heads": 4, "ffn_size": 64, "hidden_size": 32},
    "compression": {"quantisation": "none"},
    "training": {"learning_rate": 1e-4, "epochs": 1, "batch_size": 8},
}


def write_space(folder: Path, **sizes: Any) -> str:
    """Write a space file with other sizes than those of ``FEW``; ``training=None`` leaves that section out."""
    sections = {**FEW, "training": sizes.pop("training", FEW["training"])}
    raw = {**sections, "architecture": {**FEW["architecture"], **sizes}}
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in raw.items() if value is not None}), encoding="utf-8")
    return str(path)


def sampled(space: Space, seed: int) -> Candidate:
    """A candidate of a space at random."""
    return space.sample(a_trial(seed))


def a_trial(seed: int) -> optuna.Trial:
    """A trial that chooses at random."""
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()


def subsets(values: list[Any], at_most: int) -> st.SearchStrategy[list[Any]]:
    """Some of the values, in any order."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=at_most, unique=True)


TRAININGS = st.fixed_dictionaries(
    {"learning_rate": subsets([1e-4, 1e-3], 2), "epochs": subsets([1, 2, 3], 2), "batch_size": st.just(8)}
)


CORPUS = Corpus(vocabulary=1000, needed=300, lengths=tuple(range(3, 104)))
COMPRESSIONS = st.fixed_dictionaries(
    {"quantisation": subsets(["none", "dynamic-int8", "static-int8", "int4"], 2)},
    optional={
        "per_channel": subsets([False, True], 2),
        "unquantised": subsets(["nothing", "embeddings", "ffn-outputs"], 2),
        "embedding_rank": subsets([25, 50, 100], 2),
        "dense_rank": subsets([25, 100], 2),
        "vocabulary": subsets([300, 500, 1000], 2),
        "max_tokens": subsets([20, 103], 2),
    },
)


@st.composite
def finite_spaces(draw: st.DrawFn) -> Space:
    """Spaces of few points, with and without a backbone's weights and a choice of training."""
    shape = Shape(
        depth=draw(st.integers(2, 5)), heads=8, head_size=4, ffn_size=64, hidden_size=32, resizable=draw(st.booleans())
    )
    raw: dict[str, Any] = {
        "shape": shape,
        "architecture": {
            "depth": draw(subsets(list(range(2, shape.depth + 1)), 2)),
            "layers": draw(subsets(["even", "first", "last"], 3)),
            "heads": draw(subsets([2, 4, 5, 8], 3)),
            "ffn_size": draw(st.one_of(subsets([16, 24, 64], 2), st.just({"low": 16, "high": 60, "step": 32}))),
            "hidden_size": draw(subsets([16, 32], 2)),
            "per_layer": draw(st.booleans()),
        },
        "compression": draw(COMPRESSIONS),
        "corpus": CORPUS,
        "training": draw(st.none() | TRAININGS),
    }
    sizes = {name: len(value) for name, value in raw["architecture"].items() if isinstance(value, list)}
    assume(any(size > 1 for name, size in sizes.items() if name != "layers"))
    return Space.model_validate(raw)
