from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spaces import Candidate, Shape, Space, kept_layers, preset_descriptions, preset_names
from spaces.space import LayerSelection

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
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump({**FEW, "architecture": {**FEW["architecture"], **sizes}}), encoding="utf-8")
    return str(path)


def subsets(values: list[Any], at_most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=at_most, unique=True)


@st.composite
def finite_spaces(draw: st.DrawFn) -> Space:
    shape = Shape(
        depth=draw(st.integers(2, 5)),
        heads=8,
        head_size=4,
        ffn_size=64,
        hidden_size=32,
        resizable=draw(st.booleans()),
    )
    raw: dict[str, Any] = {
        "shape": shape,
        "architecture": {
            "depth": draw(subsets(list(range(2, shape.depth + 1)), 2)),
            "layers": draw(subsets(["even", "first", "last"], 3)),
            "heads": draw(subsets([2, 4, 5, 8], 3)),
            "ffn_size": draw(st.one_of(subsets([16, 24, 64], 2), st.just({"low": 16, "high": 60, "step": 32}))),
            "hidden_size": draw(subsets([16, 32], 2)) if shape.resizable else 32,
            "per_layer": draw(st.booleans()),
        },
        "compression": {"quantisation": draw(subsets(["none", "dynamic-int8"], 2))},
        "training": {
            "learning_rate": draw(subsets([1e-4, 1e-3], 2)),
            "epochs": draw(subsets([1, 2, 3], 2)),
            "batch_size": 8,
        },
    }
    sizes = {name: len(value) for name, value in raw["architecture"].items() if isinstance(value, list)}
    assume(any(size > 1 for name, size in sizes.items() if name != "layers"))
    return Space.model_validate(raw)


def sampled(space: Space, seed: int) -> Candidate:
    return space.sample(optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask())


def all_candidates(space: Space) -> set[Candidate]:
    """Every candidate that the space can give, by Optuna's exhaustive search."""
    found = set()

    def visit(trial: optuna.Trial) -> float:
        found.add(space.sample(trial))
        return 0.0

    optuna.create_study(sampler=optuna.samplers.BruteForceSampler(seed=0)).optimize(visit, n_trials=500)
    return found


def assert_inside(candidate: Candidate, space: Space) -> None:
    architecture, sizes, shape = candidate.architecture, space.architecture, space.shape
    assert architecture.depth in sizes.depth.values
    assert list(architecture.layers) == sorted(set(architecture.layers))
    assert set(architecture.layers) <= set(range(max(shape.depth, architecture.depth)))
    assert set(architecture.heads) <= set(sizes.heads.values)
    assert set(architecture.ffn_sizes) <= set(sizes.ffn_size.values)
    assert architecture.hidden_size in sizes.hidden_size.values
    if not shape.resizable:
        assert max(architecture.layers) < shape.depth
        assert max(architecture.heads) <= shape.heads
        assert max(architecture.ffn_sizes) <= shape.ffn_size
        assert architecture.hidden_size == shape.hidden_size
    if not sizes.per_layer:
        assert len(set(architecture.heads)) == len(set(architecture.ffn_sizes)) == 1
    assert candidate.compression.quantisation in space.compression.quantisation.values


def undercuts(one: Candidate, other: Candidate) -> bool:
    """Whether one candidate is smaller than the other in any respect."""
    return (
        one.architecture.depth < other.architecture.depth
        or min(one.architecture.heads) < min(other.architecture.heads)
        or min(one.architecture.ffn_sizes) < min(other.architecture.ffn_sizes)
        or one.architecture.hidden_size < other.architecture.hidden_size
        or (one.compression.quantisation == "dynamic-int8" and other.compression.quantisation == "none")
    )


@settings(deadline=None)
@given(finite_spaces(), st.integers(0, 2**31))
def test_a_sampled_candidate_is_inside_the_space_and_not_smaller_than_the_smallest(space: Space, seed: int) -> None:
    candidate = sampled(space, seed)
    assert_inside(candidate, space)
    assert not undercuts(candidate, space.smallest())
    assert_inside(space.smallest(), space)


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
@settings(deadline=None, max_examples=25)
@given(finite_spaces())
def test_the_number_of_points_is_the_number_of_candidates(space: Space) -> None:
    assume(space.n_points <= 60)
    assert len(all_candidates(space)) == space.n_points


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_layer_selections_that_keep_the_same_layer_are_one_point(tmp_path: Path) -> None:
    space = Space.load(write_space(tmp_path, depth=[1, 2]), MINILM)
    assert space.n_points == len(all_candidates(space)) == 3


def test_a_space_whose_selections_keep_the_same_layer_has_one_point(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one point"):
        Space.load(write_space(tmp_path, depth=1), MINILM)


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_preset_offers_candidates_of_every_backbone(preset: str, shape: Shape) -> None:
    space = Space.load(preset, shape)
    assert space.n_points == math.inf
    candidates = [sampled(space, seed) for seed in range(30)]
    for candidate in candidates:
        assert_inside(candidate, space)
        assert not undercuts(candidate, space.smallest())
    assert len({candidate.architecture for candidate in candidates}) > 15


def test_the_default_space_goes_from_a_third_of_the_backbone_to_all_of_it() -> None:
    sizes = Space.load("default", MINILM).architecture
    assert (min(sizes.depth.values), max(sizes.depth.values)) == (2, 6)
    assert sizes.heads.values == (4, 6, 8, 10, 12)
    assert (min(sizes.ffn_size.values), max(sizes.ffn_size.values)) == (384, 1536)
    assert sizes.hidden_size.values == (384,)


def test_a_backbone_without_weights_may_choose_its_width() -> None:
    assert Space.load("default", SCRATCH).architecture.hidden_size.values == (128, 192, 256)


def test_sizes_of_each_layer_are_chosen_on_their_own() -> None:
    space = Space.load("per-layer", MINILM)
    assert any(len(set(sampled(space, seed).architecture.heads)) > 1 for seed in range(10))


def test_choices_that_make_no_difference_are_not_put_to_the_trial() -> None:
    space = Space.load("default", MINILM)
    for seed in range(40):
        trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
        candidate = space.sample(trial)
        assert ("layers" in trial.params) == (candidate.architecture.depth < MINILM.depth)
        assert "hidden_size" not in trial.params


def test_the_same_parameters_give_the_same_candidate_again() -> None:
    space = Space.load("per-layer", MINILM)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3)).ask()
    candidate = space.sample(trial)
    assert space.sample(optuna.trial.FixedTrial(trial.params)) == candidate


@given(st.integers(1, 24), st.integers(0, 24), st.sampled_from(["even", "first", "last"]))
def test_kept_layers_are_distinct_ascending_and_as_many_as_asked(
    depth: int, dropped: int, selection: LayerSelection
) -> None:
    layers = kept_layers(depth, depth + dropped, selection)
    assert len(layers) == depth
    assert all(low < high for low, high in itertools.pairwise(layers))
    assert layers[0] >= 0
    assert layers[-1] < depth + dropped


@given(st.integers(2, 24), st.integers(0, 24))
def test_evenly_kept_layers_span_the_backbone(depth: int, dropped: int) -> None:
    layers = kept_layers(depth, depth + dropped, "even")
    gaps = [high - low for low, high in itertools.pairwise(layers)]
    assert (layers[0], layers[-1]) == (0, depth + dropped - 1)
    assert max(gaps) - min(gaps) <= 1


def test_first_and_last_keep_the_ends() -> None:
    assert kept_layers(2, 6, "first") == (0, 1)
    assert kept_layers(2, 6, "last") == (4, 5)


def test_every_preset_says_what_it_is_for() -> None:
    assert list(preset_descriptions()) == preset_names()
    assert all(preset_descriptions().values())


def test_an_unknown_preset_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"unknown space 'defualt', did you mean 'default'\?"):
        Space.load("defualt", MINILM)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no space file"):
        Space.load(str(tmp_path / "mine.yaml"), MINILM)


def test_a_file_without_an_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("training: {epochs: 1}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no section 'architecture'"):
        Space.load(str(tmp_path / "space.yaml"), MINILM)


def test_broken_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("architecture:\n  depth: [1, 2\n  heads: 4\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"not valid YAML.*line \d|line \d.*not valid YAML") as refusal:
        Space.load(str(tmp_path / "space.yaml"), MINILM)
    assert "\n" not in str(refusal.value)


def test_a_space_of_one_point_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one point, nothing to search"):
        Space.load(write_space(tmp_path, depth=6), MINILM)


@pytest.mark.parametrize(
    "sizes", [{"depth": [2, 7]}, {"heads": [4, 13]}, {"ffn_size": {"low": 64, "high": 2048, "step": 64}}]
)
def test_sizes_greater_than_the_backbone_are_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is more than the backbone's \d+"):
        Space.load(write_space(tmp_path, **sizes), MINILM)


def test_an_encoder_from_scratch_may_be_greater_than_its_full_size(tmp_path: Path) -> None:
    space = Space.load(write_space(tmp_path, depth=[2, 9]), SCRATCH)
    assert {sampled(space, seed).architecture.layers for seed in range(20)} == {(0, 1), tuple(range(9))}


@pytest.mark.parametrize("sizes", [{"head": 4}, {"depth": "half"}, {"heads": "4 heads"}, {"layers": "evenly"}])
def test_a_space_with_a_mistake_is_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(sizes))}|neither a number nor a percentage"):
        Space.load(write_space(tmp_path, **sizes), MINILM)


@pytest.mark.parametrize("sizes", [{"depth": [0, 2]}, {"heads": [0, 4]}, {"ffn_size": [-64, 64]}])
def test_sizes_that_no_encoder_can_have_are_refused(tmp_path: Path, sizes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(sizes))):
        Space.load(write_space(tmp_path, **sizes), MINILM)
