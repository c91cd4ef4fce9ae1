"""What every step of a compression owes, as classes of tests: a step's own test inherits those of what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from search.compression import Draft, Step
from search.compression.exporting import Export
from search.models.checkpoint import load_checkpoint, save_checkpoint
from search.models.elastic import ElasticForSequenceClassification
from spaces import Shape
from tests.conftest import tiny_rows
from tests.search.encoders import small_encoder, words_of

SHAPE = Shape(depth=2, heads=4, head_size=16, ffn_size=128, hidden_size=64)
TEXTS = [text for text, _ in tiny_rows()][::8]
# A word that none of the texts has.
ABSENT = "nevertheless"


def whole_draft() -> Draft:
    """An encoder that knows the words of the texts, and one more."""
    tokenizer = words_of([*TEXTS, ABSENT])
    model = small_encoder(SHAPE, vocab_size=len(tokenizer), max_position_embeddings=24)
    return Draft(model=model, tokenizer=tokenizer, max_tokens=20)


def snapshot(draft: Draft) -> Mapping[str, object]:
    """All that a draft is, to be compared."""
    return {
        "weights": {name: weight.tolist() for name, weight in draft.model.state_dict().items()},
        "config": draft.model.config.to_dict(),
        "tokenizer": draft.tokenizer.get_vocab(),
        "max_tokens": draft.max_tokens,
        "graph": draft.graph and draft.graph.SerializeToString(),
    }


def logits(draft: Draft) -> Tensor:
    """What a draft's encoder answers to the texts, one by one."""
    with torch.inference_mode():
        return torch.cat([draft.model(torch.tensor([ids])).logits for ids in _ids(draft)])


def graph_logits(draft: Draft) -> np.ndarray:
    """What a draft's graph answers to the texts, one by one."""
    assert draft.graph is not None
    session = onnxruntime.InferenceSession(draft.graph.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = [np.array([ids]) for ids in _ids(draft)]
    return np.concatenate(
        [session.run(["logits"], {"input_ids": row, "attention_mask": np.ones_like(row)})[0] for row in rows]
    )


def _ids(draft: Draft) -> list[list[int]]:
    encoded: list[list[int]] = draft.tokenizer(TEXTS, truncation=True, max_length=draft.max_tokens)["input_ids"]
    return encoded


class EveryStep:
    """A class that inherits gives the fixture ``step``."""

    @pytest.fixture(scope="class")
    def draft(self) -> Draft:
        """What the step is given."""
        return whole_draft()

    @pytest.fixture(scope="class")
    def made(self, step: Step, draft: Draft) -> Draft:
        return step.apply(draft)

    def test_what_it_was_given_stays_as_it_was(self, step: Step, draft: Draft) -> None:
        before = snapshot(draft)
        step.apply(draft)
        assert snapshot(draft) == before

    def test_it_does_the_same_again(self, step: Step, draft: Draft, made: Draft) -> None:
        assert snapshot(step.apply(draft)) == snapshot(made)
        assert snapshot(made) != snapshot(draft)


class StepOfTheEncoder(EveryStep):
    """What makes an encoder smaller."""

    def test_the_encoder_has_fewer_weights(self, draft: Draft, made: Draft) -> None:
        before, after = (sum(weight.numel() for weight in one.model.parameters()) for one in (draft, made))
        assert after < before

    def test_configuration_and_weights_fit_each_other(self, made: Draft) -> None:
        fresh = ElasticForSequenceClassification(made.model.config).state_dict()
        assert {name: weight.shape for name, weight in made.model.state_dict().items()} == {
            name: weight.shape for name, weight in fresh.items()
        }

    def test_the_encoder_is_ready_to_answer_and_can_learn(self, made: Draft) -> None:
        assert not made.model.training
        assert all(weight.requires_grad and weight.is_leaf for weight in made.model.parameters())
        assert all(weight.is_contiguous() for weight in made.model.parameters())

    def test_it_answers_the_same_when_saved_and_loaded(self, made: Draft, tmp_path: Path) -> None:
        save_checkpoint(made.model, tmp_path)
        with torch.inference_mode():
            answers = [load_checkpoint(tmp_path)(torch.tensor([ids])).logits for ids in _ids(made)]
        torch.testing.assert_close(torch.cat(answers), logits(made), atol=1e-5, rtol=1e-5)

    def test_its_graph_answers_as_it_does(self, made: Draft) -> None:
        np.testing.assert_allclose(graph_logits(Export().apply(made)), logits(made), atol=1e-4, rtol=1e-4)


class ExactStep(StepOfTheEncoder):
    """What leaves the answers to texts like the training texts as they are."""

    def test_it_answers_as_before(self, draft: Draft, made: Draft) -> None:
        torch.testing.assert_close(logits(made), logits(draft), atol=1e-5, rtol=1e-5)


class StepOfTheArtifact(EveryStep):
    """What makes a graph of an encoder.

    A class that inherits says how far the graph's logits may be off on average, as a share of the encoder's standard
    deviation. Weights are random, which is the worst case for any rounding.
    """

    tolerance: ClassVar[float]

    def test_the_encoder_is_the_one_given(self, draft: Draft, made: Draft) -> None:
        assert made.model is draft.model
        assert made.tokenizer is draft.tokenizer

    def test_the_graph_is_valid_and_answers_nearly_as_the_encoder(self, made: Draft) -> None:
        onnx.checker.check_model(made.graph)
        expected = logits(made).numpy()
        off = np.abs(graph_logits(made) - expected).mean() / expected.std()
        assert off <= self.tolerance


class StepOfTheGraph(StepOfTheArtifact):
    """What makes an exported graph smaller."""

    @pytest.fixture(scope="class")
    def draft(self) -> Draft:
        return Export().apply(whole_draft())

    def test_the_graph_is_smaller(self, draft: Draft, made: Draft) -> None:
        assert draft.graph is not None
        assert made.graph is not None
        assert made.graph.ByteSize() < 0.6 * draft.graph.ByteSize()

    def test_an_encoder_that_was_not_exported_is_refused(self, step: Step, draft: Draft) -> None:
        with pytest.raises(ValueError, match="has not been exported"):
            step.apply(Draft(model=draft.model, tokenizer=draft.tokenizer, max_tokens=draft.max_tokens))
