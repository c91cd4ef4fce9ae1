from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces import Candidate, Space, Training, preset_names
from tests.spaces.conftest import MINILM, SCRATCH, a_trial, finite_spaces, sampled, write_space


@settings(deadline=None)
@given(finite_spaces(), st.integers(0, 2**31))
def test_the_parameters_of_a_sampled_candidate_give_it_again(space: Space, seed: int) -> None:
    trial = a_trial(seed)
    candidate = space.sample(trial)
    parameters = space.parameters(candidate)
    assert parameters == trial.params
    assert space.sample(optuna.trial.FixedTrial(parameters)) == candidate


@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_has_the_parameters_of_its_own_candidates(preset: str) -> None:
    for shape in (MINILM, SCRATCH):
        space = Space.load(preset, shape)
        for seed in range(10):
            trial = a_trial(seed)
            assert space.parameters(space.sample(trial)) == trial.params


@settings(deadline=None)
@given(finite_spaces(), finite_spaces(), st.integers(0, 2**31))
def test_another_space_has_a_candidate_or_says_so(space: Space, other: Space, seed: int) -> None:
    candidate = sampled(other, seed)
    parameters = space.parameters(candidate)
    if parameters is not None:
        assert space.sample(optuna.trial.FixedTrial(parameters)) == candidate


@pytest.fixture
def space(tmp_path: Path) -> Space:
    training = {"learning_rate": {"low": 1e-4, "high": 1e-3}, "epochs": [1, 2], "batch_size": 8}
    sizes = {"heads": [4, 6, 8], "ffn_size": {"low": 64, "high": 256, "step": 64}, "hidden_size": [96, 192, 384]}
    return Space.load(write_space(tmp_path, training=training, **sizes), MINILM)


@pytest.fixture
def inside(space: Space) -> dict[str, Any]:
    """What makes up a candidate that the space has, by section."""
    return {
        "architecture": {"layers": (0, 2, 5), "heads": (6, 6, 6), "ffn_sizes": (128, 128, 128), "hidden_size": 192},
        "compression": {"quantisation": "none"},
        "training": {"learning_rate": 5e-4, "epochs": 2, "batch_size": 8},
    }


@pytest.mark.parametrize(
    ("section", "outside"),
    [
        ("architecture", {"layers": (0, 1, 5)}),
        ("architecture", {"layers": (0,), "heads": (6,), "ffn_sizes": (128,)}),
        ("architecture", {"heads": (7, 7, 7)}),
        ("architecture", {"heads": (10, 10, 10)}),
        ("architecture", {"heads": (4, 6, 6)}),
        ("architecture", {"ffn_sizes": (100, 100, 100)}),
        ("architecture", {"ffn_sizes": (64, 64, 128)}),
        ("architecture", {"hidden_size": 100}),
        ("compression", {"quantisation": "dynamic-int8"}),
        ("compression", {"embedding_rank": 96}),
        ("compression", {"dense_rank": 96}),
        ("compression", {"vocabulary": 100}),
        ("compression", {"max_tokens": 9}),
        ("architecture", {"shared": True}),
        ("training", {"learning_rate": 2e-3}),
        ("training", {"epochs": 3}),
        ("training", {"batch_size": 16}),
        ("training", {"steps": 10}),
    ],
)
def test_what_the_space_does_not_have_has_no_parameters(
    space: Space, inside: dict[str, Any], section: str, outside: dict[str, Any]
) -> None:
    assert space.parameters(Candidate.model_validate(inside)) is not None
    changed = {**inside, section: {**inside[section], **outside}}
    assert space.parameters(Candidate.model_validate(changed)) is None


def test_a_training_has_to_be_there_where_the_space_chooses_one_and_nowhere_else(space: Space) -> None:
    inherits = space.model_copy(update={"training": None})
    trained = sampled(space, 0)
    untrained = trained.model_copy(update={"training": None})
    assert space.parameters(untrained) is None
    assert inherits.parameters(untrained) is not None
    assert inherits.parameters(trained) is None


def test_a_layer_with_other_sizes_is_of_a_space_that_chooses_each_on_its_own(tmp_path: Path) -> None:
    sizes = {"heads": [4, 6], "ffn_size": [64, 128], "training": None}
    alike = Space.load(write_space(tmp_path, **sizes), MINILM)
    each = Space.load(write_space(tmp_path, per_layer=True, **sizes), MINILM)
    raw = {
        "architecture": {"layers": (0, 5), "heads": (4, 6), "ffn_sizes": (128, 64), "hidden_size": 32},
        "compression": {},
    }
    candidate = Candidate.model_validate(raw)
    assert alike.parameters(candidate) is None
    parameters = each.parameters(candidate)
    assert parameters is not None
    assert {name: parameters[name] for name in ("heads_0", "heads_1", "ffn_size_0", "ffn_size_1")} == {
        "heads_0": 4,
        "heads_1": 6,
        "ffn_size_0": 128,
        "ffn_size_1": 64,
    }


@settings(deadline=None)
@given(finite_spaces(), st.integers(0, 2**31))
def test_no_candidate_exceeds_the_largest_and_none_undercuts_the_smallest(space: Space, seed: int) -> None:
    one, most, least = sampled(space, seed).architecture, space.largest(), space.smallest().architecture
    assert least.depth <= one.depth <= most.depth
    assert set(least.heads) == {min(space.architecture.heads.values)}
    assert min(least.ffn_sizes) <= min(one.ffn_sizes) <= max(one.ffn_sizes) <= max(most.ffn_sizes)
    assert set(most.heads) == {max(space.architecture.heads.values)}
    assert least.hidden_size <= one.hidden_size <= most.hidden_size


@settings(deadline=None)
@given(finite_spaces())
def test_the_space_has_its_smallest_and_its_largest_candidate(space: Space) -> None:
    training = space.training and Training(
        learning_rate=space.training.learning_rate.middle,
        epochs=space.training.epochs.middle,
        batch_size=space.training.batch_size.middle,
    )
    smallest = space.smallest()
    assert smallest.training is None
    assert space.parameters(smallest.model_copy(update={"training": training})) is not None
    quantisation, largest = smallest.compression.quantisation, space.largest()
    compression = space.compression.smallest(quantisation, largest.hidden_size, space.corpus)
    whole = Candidate(architecture=largest, compression=compression, training=training)
    assert space.parameters(whole) is not None
