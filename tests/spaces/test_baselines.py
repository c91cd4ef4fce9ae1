from __future__ import annotations

import dataclasses

import pytest

from results.choosing import full_int8
from results.records import TrialRecord
from search.models.backbones import SCRATCH
from spaces import Candidate, Shape, Space
from spaces.baselines import entrants_of, full_architecture
from tests.search.records import SHAPE, SPACE, a_record

TWELVE = Shape(depth=12, heads=12, head_size=64, ffn_size=3072, hidden_size=768)
SPACES = {
    "default": SPACE,
    "quick": Space.load("quick", SHAPE),
    "per-layer": Space.load("per-layer", SHAPE),
    "twelve layers": Space.load("default", TWELVE),
    "scratch": Space.load("default", SCRATCH),
    "inherited": SPACE.model_copy(update={"training": None}),
}
ENTRANTS = entrants_of(SPACE)
spaces = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


@spaces
def test_the_full_size_model_comes_first_as_fp32_and_as_int8(space: Space) -> None:
    fp32, int8 = entrants_of(space).candidates[:2]
    assert fp32.architecture == int8.architecture == full_architecture(space)
    assert (fp32.compression.quantisation, int8.compression.quantisation) == ("none", "dynamic-int8")


@spaces
def test_the_others_have_fewer_layers_and_are_otherwise_the_same(space: Space) -> None:
    full, *shallower = (candidate.architecture for candidate in entrants_of(space).candidates[1:])
    depths = [architecture.depth for architecture in shallower]
    assert depths == sorted(set(depths), reverse=True)
    assert all(0 < depth < full.depth for depth in depths)
    for architecture in shallower:
        assert set(architecture.layers) <= set(range(full.depth))
        assert set(architecture.heads) == set(full.heads)
        assert set(architecture.ffn_sizes) == set(full.ffn_sizes)
        assert architecture.hidden_size == full.hidden_size
    assert all(candidate.compression.quantisation == "dynamic-int8" for candidate in entrants_of(space).candidates[1:])


@spaces
def test_no_entrant_is_there_twice(space: Space) -> None:
    assert len({candidate.model_dump_json() for candidate in entrants_of(space).candidates}) == len(
        entrants_of(space).candidates
    )


def test_the_layers_of_a_shallower_one_are_spread_over_the_backbone() -> None:
    layers = [candidate.architecture.layers for candidate in ENTRANTS.candidates[2:]]
    assert layers == [(0, 1, 3, 5), (0, 2, 5), (0, 5)]


def test_the_full_size_is_the_backbones_though_the_space_may_be_smaller() -> None:
    architecture = full_architecture(SPACES["quick"])
    assert (architecture.depth, architecture.heads[0], architecture.ffn_sizes[0]) == (6, 12, 1536)
    assert SPACES["quick"].parameters(entrants_of(SPACES["quick"]).candidates[0]) is None


def test_without_a_backbone_the_full_size_is_the_largest_of_the_space() -> None:
    assert full_architecture(SPACES["scratch"]) == SPACES["scratch"].largest()


def test_the_default_space_has_all_its_entrants() -> None:
    assert all(SPACE.parameters(candidate) is not None for candidate in ENTRANTS.candidates)


def test_an_entrant_is_trained_as_the_middle_of_the_space_has_it() -> None:
    assert SPACE.training is not None
    for candidate in ENTRANTS.candidates:
        assert candidate.training is not None
        assert 5e-5 < candidate.training.learning_rate < 5e-4
        assert candidate.training.epochs == 3
        assert candidate.training.batch_size in SPACE.training.batch_size.values


def test_an_entrant_of_a_super_network_inherits_its_weights() -> None:
    assert all(candidate.training is None for candidate in entrants_of(SPACES["inherited"]).candidates)


def test_an_encoder_of_one_layer_has_no_shallower_entrant() -> None:
    raw = SPACES["scratch"].model_dump(mode="json")
    raw["architecture"]["depth"] = 1
    assert len(entrants_of(Space.model_validate(raw)).candidates) == 2


def test_the_full_size_trial_is_found_where_it_has_a_score() -> None:
    fp32, int8, shallower = ENTRANTS.candidates[:3]

    def record(number: int, candidate: Candidate, score: float | None = 0.9) -> TrialRecord:
        return a_record(number, score, candidate=candidate, entrant=True)

    records = [record(0, fp32), record(1, int8), record(2, shallower)]
    assert full_int8(records, ENTRANTS) == records[1]
    assert full_int8([records[0], records[2]], ENTRANTS) is None
    assert full_int8([record(1, int8, score=None)], ENTRANTS) is None
    over_budget = dataclasses.replace(records[1], status="over-budget")
    assert full_int8([over_budget], ENTRANTS) == over_budget


def test_a_repeat_or_a_polished_version_does_not_stand_for_the_full_size_trial() -> None:
    int8 = ENTRANTS.candidates[1]
    later = [a_record(7, repeats=1, candidate=int8), a_record(8, polishes=1, candidate=int8)]
    first = a_record(1, candidate=int8, entrant=True)
    assert full_int8([*later, first], ENTRANTS) == first
    assert full_int8(later, ENTRANTS) is None
