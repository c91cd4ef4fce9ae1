"""What every family of encoders owes: it becomes an elastic encoder and comes back, and answers the same throughout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from search.compression import Draft
from search.compression.length import CapLength
from search.models.backbones import Backbone, load_backbone
from search.models.checkpoint import load_checkpoint, save_checkpoint, stock_class
from search.models.elastic import ElasticForSequenceClassification
from search.models.families import FAMILIES, Family
from search.models.slicing import cut
from spaces import Architecture
from tests.conftest import tiny_rows
from tests.search.encoders import words_of

LABELS = ("a", "b", "c")
SMALLER = Architecture.uniform((0, 2), heads=2, ffn_size=10, hidden_size=8)
UNEVEN = Architecture(layers=(1, 2), heads=(4, 1), ffn_sizes=(10, 5), hidden_size=12)


@dataclass(frozen=True)
class FamilySubject:
    """A family, and a configuration of three layers, four heads of four channels, 24 FFN channels and three labels."""

    family: Family
    config: PreTrainedConfig


class EveryFamily:
    """A class that inherits gives the fixture ``subject``, with the family registered."""

    @pytest.fixture
    def original(self, subject: FamilySubject) -> PreTrainedModel:
        """A model of the stock class without any two weights alike."""
        model = subject.family.stock(subject.config)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in model.parameters():
                weight.normal_(0, 0.3, generator=generator)
        return model.eval()

    @pytest.fixture
    def inputs(self, subject: FamilySubject) -> tuple[Tensor, Tensor]:
        """Word pieces up to the longest text that there can be, padded as the family pads, and their mask."""
        longest = subject.family.read_config(subject.config)["max_position_embeddings"]
        ids = torch.randint(3, subject.config.vocab_size, (3, longest), generator=torch.Generator().manual_seed(1))
        mask = (torch.arange(longest) < torch.tensor([[longest], [longest // 2], [1]])).long()
        return torch.where(mask.bool(), ids, subject.config.pad_token_id), mask

    @pytest.fixture
    def backbone(self, original: PreTrainedModel, tmp_path: Path) -> Backbone:
        """The backbone that is loaded from the original's checkpoint."""
        original.save_pretrained(tmp_path / "original")
        words_of(text for text, _ in tiny_rows()).save_pretrained(tmp_path / "original")
        return load_backbone(str(tmp_path / "original"))

    @pytest.fixture
    def elastic(self, backbone: Backbone) -> ElasticForSequenceClassification:
        return backbone.full_model(LABELS, seed=0).eval()

    def test_it_is_found_by_what_transformers_calls_it(self, subject: FamilySubject) -> None:
        assert FAMILIES[subject.config.model_type] is subject.family

    def test_a_backbone_has_the_sizes_and_the_family_of_its_checkpoint(self, backbone: Backbone) -> None:
        shape = backbone.shape
        assert (shape.depth, shape.heads, shape.head_size, shape.ffn_size, shape.hidden_size) == (3, 4, 4, 24, 16)
        assert backbone.config.family in FAMILIES

    def test_every_weight_has_a_place_and_every_place_a_weight(
        self, backbone: Backbone, elastic: ElasticForSequenceClassification
    ) -> None:
        assert backbone.weights is not None
        shapes = {name: weight.shape for name, weight in backbone.weights.items()}
        assert shapes == {name: weight.shape for name, weight in elastic.state_dict().items()}

    @torch.inference_mode()
    def test_the_elastic_encoder_answers_as_the_original(
        self, elastic: ElasticForSequenceClassification, original: PreTrainedModel, inputs: tuple[Tensor, Tensor]
    ) -> None:
        ids, mask = inputs
        expected = original(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        answer = elastic(ids, mask, output_hidden_states=True)
        torch.testing.assert_close(answer.logits, expected.logits, atol=1e-5, rtol=0)
        for mine, theirs in zip(answer.hidden_states, expected.hidden_states, strict=True):
            torch.testing.assert_close(mine[mask.bool()], theirs[mask.bool()], atol=1e-5, rtol=0)

    @torch.inference_mode()
    def test_it_is_saved_as_the_original_was(
        self,
        elastic: ElasticForSequenceClassification,
        original: PreTrainedModel,
        inputs: tuple[Tensor, Tensor],
        tmp_path: Path,
    ) -> None:
        save_checkpoint(elastic, tmp_path)
        assert not (tmp_path / "elastic.py").exists()
        ids, mask = inputs
        expected = original(input_ids=ids, attention_mask=mask).logits
        for loaded in (AutoModelForSequenceClassification.from_pretrained(tmp_path).eval(), load_checkpoint(tmp_path)):
            assert type(loaded) is type(original)
            torch.testing.assert_close(loaded(input_ids=ids, attention_mask=mask).logits, expected, atol=1e-5, rtol=0)
            assert loaded.config.id2label == dict(enumerate(LABELS))
            assert loaded.config.max_position_embeddings == original.config.max_position_embeddings

    @torch.inference_mode()
    def test_a_smaller_one_for_shorter_texts_is_saved_as_the_stock_class_too(
        self,
        backbone: Backbone,
        elastic: ElasticForSequenceClassification,
        original: PreTrainedModel,
        inputs: tuple[Tensor, Tensor],
        tmp_path: Path,
    ) -> None:
        draft = Draft(model=cut(elastic, SMALLER), tokenizer=backbone.tokenizer, max_tokens=16)
        capped = CapLength(5).apply(draft).model
        save_checkpoint(capped, tmp_path)
        loaded = load_checkpoint(tmp_path)
        assert type(loaded) is type(original)
        ids, mask = (rows[:, :5] for rows in inputs)
        expected = capped(ids, mask).logits
        torch.testing.assert_close(loaded(input_ids=ids, attention_mask=mask).logits, expected, atol=1e-5, rtol=0)

    @torch.inference_mode()
    def test_another_shape_is_saved_as_an_elastic_encoder_that_knows_its_family(
        self, elastic: ElasticForSequenceClassification, inputs: tuple[Tensor, Tensor], tmp_path: Path
    ) -> None:
        uneven = cut(elastic, UNEVEN)
        assert stock_class(uneven.config) is None
        save_checkpoint(uneven, tmp_path)
        loaded = load_checkpoint(tmp_path)
        assert loaded.config.family == elastic.config.family
        torch.testing.assert_close(loaded(*inputs).logits, uneven(*inputs).logits)
