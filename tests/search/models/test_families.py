from __future__ import annotations

from collections.abc import Iterator

import pytest
from transformers import BertConfig, RobertaConfig, RobertaForSequenceClassification

from search.models.families import FAMILIES, Family
from tests.contracts.families import EveryFamily, FamilySubject

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "num_labels": 3,
    "layer_norm_eps": 1e-5,
    "hidden_act": "gelu_new",
}


class TestBert(EveryFamily):
    @pytest.fixture
    def subject(self) -> FamilySubject:
        return FamilySubject(FAMILIES["bert"], BertConfig(**SIZES, max_position_embeddings=16, type_vocab_size=2))


class Roberta(Family):
    """Other names, another head, and positions that begin behind that of padding."""

    model_type = "roberta"
    stock = RobertaForSequenceClassification
    renamed = (
        (r"^roberta\.", ""),
        *FAMILIES["bert"].renamed,
        (r"^classifier\.dense\.", "pooler."),
        (r"^classifier\.out_proj\.", "classifier."),
    )

    def position_offset(self, pad_token_id: int) -> int:
        """Padding's own position is the one of its id."""
        return pad_token_id + 1


class TestAFamilyThatNothingElseKnows(EveryFamily):
    @pytest.fixture
    def subject(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FamilySubject]:
        family = Roberta()
        config = RobertaConfig(**SIZES, max_position_embeddings=18, type_vocab_size=1, pad_token_id=1)
        with monkeypatch.context() as patch:
            patch.setitem(FAMILIES, family.model_type, family)
            yield FamilySubject(family, config)
