from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces import Architecture, Candidate, Compression, Training


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    layers = sorted(draw(st.sets(st.integers(0, 11), min_size=1, max_size=12)))
    sizes = st.lists(st.integers(1, 4096), min_size=len(layers), max_size=len(layers))
    return Candidate(
        architecture=Architecture(
            layers=tuple(layers),
            heads=tuple(draw(sizes)),
            ffn_sizes=tuple(draw(sizes)),
            hidden_size=draw(st.integers(1, 1024)),
        ),
        compression=Compression(quantisation=draw(st.sampled_from(["none", "dynamic-int8"]))),
        training=draw(st.none() | trainings()),
    )


@st.composite
def trainings(draw: st.DrawFn) -> Training:
    return Training(
        learning_rate=draw(st.floats(1e-7, 1.0)),
        epochs=draw(st.integers(1, 10)),
        batch_size=draw(st.integers(1, 512)),
        steps=draw(st.none() | st.integers(1, 1000)),
    )


@given(candidates())
def test_a_candidate_survives_json(candidate: Candidate) -> None:
    assert Candidate.model_validate_json(candidate.model_dump_json()) == candidate
    assert Candidate.model_validate(candidate.model_dump(mode="json")) == candidate


@given(candidates())
def test_the_depth_is_the_number_of_kept_layers(candidate: Candidate) -> None:
    assert candidate.architecture.depth == len(candidate.architecture.layers)


@given(candidates())
def test_the_label_names_depth_sizes_width_and_precision(candidate: Candidate) -> None:
    depth, heads, ffn_sizes, width, precision = candidate.label.split(" ")
    architecture = candidate.architecture
    assert depth == f"{architecture.depth}L"
    assert _ends(heads, "H") == {min(architecture.heads), max(architecture.heads)}
    assert _ends(ffn_sizes, "F") == {min(architecture.ffn_sizes), max(architecture.ffn_sizes)}
    assert width == f"{architecture.hidden_size}W"
    assert precision == {"none": "fp32", "dynamic-int8": "int8"}[candidate.compression.quantisation]


def _ends(span: str, unit: str) -> set[int]:
    assert span.endswith(unit)
    return {int(size) for size in span.removesuffix(unit).split("-")}


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": ()},
        {"layers": (1, 0)},
        {"layers": (1, 1)},
        {"layers": (-1, 0)},
        {"heads": (4,)},
        {"ffn_sizes": (64, 64, 64)},
        {"heads": (4, 0)},
        {"ffn_sizes": (64, -1)},
        {"hidden_size": 0},
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(wrong: dict[str, object]) -> None:
    right = {"layers": (0, 1), "heads": (4, 4), "ffn_sizes": (64, 64), "hidden_size": 32}
    Architecture.model_validate(right)
    with pytest.raises(ValidationError):
        Architecture.model_validate({**right, **wrong})


def test_a_candidate_with_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="dropout"):
        Training.model_validate({"learning_rate": 1e-4, "epochs": 1, "batch_size": 8, "dropout": 0.1})


def test_a_candidate_that_trains_is_another_than_one_that_inherits() -> None:
    architecture = Architecture(layers=(0, 5), heads=(8, 12), ffn_sizes=(768, 768), hidden_size=384)
    inherits = Candidate(architecture=architecture, compression=Compression())
    trains = inherits.model_copy(update={"training": Training(learning_rate=1e-4, epochs=1, batch_size=8)})
    assert inherits != trains
    assert inherits.label == trains.label == "2L 8-12H 768F 384W fp32"


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"epochs": 0}, {"learning_rate": 0.0}, {"batch_size": 0}])
def test_a_training_that_does_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Training.model_validate({"learning_rate": 1e-4, "batch_size": 8, **wrong})


def test_a_candidate_cannot_be_changed() -> None:
    training = Training(learning_rate=1e-4, epochs=1, batch_size=8)
    with pytest.raises(ValidationError):
        training.epochs = 2  # type: ignore[misc]


def test_equal_candidates_are_one_member_of_a_set() -> None:
    one, other = (Training(learning_rate=1e-4, epochs=1, batch_size=8) for _ in range(2))
    assert {one, other} == {one}
