from __future__ import annotations

import itertools
import math
from pathlib import Path

import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spaces import Candidate, Shape, Space, kept_layers, preset_names
from spaces.compressions import BY_SIZE
from spaces.space import LayerSelection
from tests.spaces.conftest import MINILM, SCRATCH, SHAPES, a_trial, finite_spaces, sampled, write_space


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
        assert architecture.hidden_size <= shape.hidden_size
    if not sizes.per_layer:
        assert len(set(architecture.heads)) == len(set(architecture.ffn_sizes)) == 1
    compression, choices = candidate.compression, space.compression
    assert compression.quantisation in choices.quantisation.values
    assert compression.per_channel in {*choices.per_channel.values, False}
    assert compression.unquantised in {*choices.unquantised.values, "nothing"}
    for name in ("vocabulary", "max_tokens"):
        sizes = getattr(choices, name)
        assert getattr(compression, name) in {None, *(() if sizes is None else sizes.values)}


def undercuts(one: Candidate, other: Candidate) -> bool:
    """Whether one candidate is smaller than the other in any respect."""
    return (
        one.architecture.depth < other.architecture.depth
        or min(one.architecture.heads) < min(other.architecture.heads)
        or min(one.architecture.ffn_sizes) < min(other.architecture.ffn_sizes)
        or one.architecture.hidden_size < other.architecture.hidden_size
        or BY_SIZE.index(one.compression.quantisation) < BY_SIZE.index(other.compression.quantisation)
        or any(
            (getattr(one.compression, name) or math.inf) < (getattr(other.compression, name) or math.inf)
            for name in ("embedding_rank", "dense_rank", "vocabulary", "max_tokens")
        )
    )


@settings(deadline=None)
@given(finite_spaces(), st.integers(0, 2**31))
def test_a_sampled_candidate_is_inside_the_space_and_not_smaller_than_the_smallest(space: Space, seed: int) -> None:
    candidate = sampled(space, seed)
    assert_inside(candidate, space)
    assert not undercuts(candidate, space.smallest())
    assert_inside(space.smallest(), space)
    assert (candidate.training is None) == (space.training is None)


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
    assert sizes.hidden_size.values == (192, 288, 384)


def test_the_width_is_a_choice_with_and_without_pretrained_weights() -> None:
    for shape, widths in ((MINILM, {192, 288, 384}), (SCRATCH, {128, 192, 256})):
        space = Space.load("default", shape)
        assert {sampled(space, seed).architecture.hidden_size for seed in range(30)} == widths


def test_sizes_of_each_layer_are_chosen_on_their_own() -> None:
    space = Space.load("per-layer", MINILM)
    assert any(len(set(sampled(space, seed).architecture.heads)) > 1 for seed in range(10))


def test_choices_that_make_no_difference_are_not_put_to_the_trial(tmp_path: Path) -> None:
    space = Space.load(write_space(tmp_path, depth=[2, 3, 6], training=None), MINILM)
    for seed in range(40):
        trial = a_trial(seed)
        candidate = space.sample(trial)
        assert ("layers" in trial.params) == (candidate.architecture.depth < MINILM.depth)
        assert trial.params.keys() <= {"depth", "layers"}


def test_a_space_without_a_training_gives_candidates_that_inherit_their_weights(tmp_path: Path) -> None:
    space = Space.load(write_space(tmp_path, training=None), MINILM)
    assert {sampled(space, seed).training for seed in range(5)} == {None}
    assert sampled(Space.load(write_space(tmp_path), MINILM), 0).training is not None


def test_a_space_that_is_only_a_choice_of_training_has_one_point_without_it(tmp_path: Path) -> None:
    training = {"learning_rate": [1e-4, 1e-3], "epochs": 1, "batch_size": 8}
    assert Space.load(write_space(tmp_path, depth=6, training=training), MINILM).n_points == 2
    with pytest.raises(ValueError, match="one point"):
        Space.load(write_space(tmp_path, depth=6, training=None), MINILM)


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
