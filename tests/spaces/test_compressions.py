from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from spaces import Compression, Corpus, Space
from spaces.compressions import of_corpus
from tests.spaces.conftest import MINILM, SCRATCH, a_trial, sampled, write_space

CORPUS = Corpus(vocabulary=30000, needed=9000, lengths=tuple(range(3, 104)))


def test_a_vocabulary_is_a_share_of_the_tokenizers_and_never_less_than_is_needed() -> None:
    assert of_corpus({"vocabulary": ["10%", "25%", "50%", "100%"]}, CORPUS) == {"vocabulary": [9000, 15000, 30000]}
    assert of_corpus({"vocabulary": 12000}, CORPUS) == {"vocabulary": [12000]}
    assert of_corpus({"vocabulary": [50000, "100%"]}, CORPUS) == {"vocabulary": [30000]}


def test_a_cap_is_a_percentile_of_the_lengths() -> None:
    assert of_corpus({"max_tokens": ["1%", "90%", "100%", 64]}, CORPUS) == {"max_tokens": [4, 93, 103, 64]}


def test_without_a_corpus_there_is_no_choice_of_vocabulary_and_length() -> None:
    assert of_corpus({"vocabulary": "50%", "max_tokens": "90%", "per_channel": True}, None) == {"per_channel": True}


@pytest.mark.parametrize("name", ["embedding_rank", "dense_rank"])
def test_a_rank_is_a_percentage(name: str) -> None:
    assert of_corpus({name: ["25%", "100%"]}, None) == {name: [25, 100]}
    with pytest.raises(ValueError, match=f"{name}: 64 is no percentage"):
        of_corpus({name: 64}, None)


@pytest.mark.parametrize(
    "raw",
    [
        {"quantisation": "none", "per_channel": True},
        {"quantisation": "int4", "per_channel": True},
        {"quantisation": "none", "unquantised": "embeddings"},
        {"vocabulary": 0},
    ],
    ids=str,
)
def test_what_makes_no_sense_together_is_no_compression(raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Compression.model_validate(raw)


def test_options_are_put_to_the_trials_that_they_are_for() -> None:
    space = Space.load("default", MINILM, CORPUS)
    seen = set()
    for seed in range(200):
        trial = a_trial(seed)
        quantisation = space.sample(trial).compression.quantisation
        seen.add(quantisation)
        assert ("per_channel" in trial.params) == ("int8" in quantisation)
        assert ("unquantised" in trial.params) == (quantisation != "none")
    assert seen == {"none", "dynamic-int8", "static-int8", "int4"}


def test_the_default_space_has_every_compression() -> None:
    space = Space.load("default", MINILM, CORPUS)
    compressions = [sampled(space, seed).compression for seed in range(200)]
    assert {c.vocabulary for c in compressions} == {9000, 15000, None}
    assert {c.max_tokens for c in compressions} == {98, None}
    assert {c.dense_rank for c in compressions} == {48, 72, 96, None}
    assert {c.embedding_rank for c in compressions} == {48, 72, 96, 144, 192, None}
    assert {c.unquantised for c in compressions} == {"nothing", "embeddings", "ffn-outputs"}


def test_how_a_candidate_is_pruned_is_a_choice_with_pretrained_weights_alone() -> None:
    for shape, importances in ((MINILM, {"magnitude", "taylor", "hessian", "random"}), (SCRATCH, {"magnitude"})):
        trainings = [sampled(Space.load("default", shape), seed).training for seed in range(100)]
        assert {training.importance for training in trainings if training} == importances


def test_layers_share_their_weights_only_from_scratch(tmp_path: Path) -> None:
    path = write_space(tmp_path, shared=[False, True])
    assert {sampled(Space.load(path, SCRATCH), seed).architecture.shared for seed in range(20)} == {False, True}
    with pytest.raises(ValueError, match="shared: needs backbone 'scratch'"):
        Space.load(path, MINILM)
    with pytest.raises(ValueError, match="shared: needs backbone 'scratch' and strategy 'standalone'"):
        Space.load(write_space(tmp_path, shared=True, training=None), SCRATCH)
    with pytest.raises(ValueError, match="no per_layer sizes"):
        Space.load(write_space(tmp_path, shared=True, per_layer=True), SCRATCH)
