from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from search.compression import Draft
from search.compression.vocabulary import TrimVocabulary, pieces_by_need, trimmed, unknown_rate
from search.models.backbones import Backbone
from search.study.workbench import Workbench
from search.tasks import Task
from tests.search.encoders import words_of


@pytest.fixture(scope="module")
def by_need(minilm: Backbone, tiny_task: Task) -> tuple[list[int], int]:
    return pieces_by_need(minilm.tokenizer, minilm.tokenizer(list(tiny_task.train.texts))["input_ids"])


@pytest.fixture(scope="module")
def kept(by_need: tuple[list[int], int]) -> list[int]:
    """Two hundred pieces more than are needed."""
    pieces, needed = by_need
    return sorted(pieces[: needed + 200])


def test_every_piece_comes_once_and_the_unused_ones_last(minilm: Backbone, by_need: tuple[list[int], int]) -> None:
    pieces, needed = by_need
    assert sorted(pieces) == list(range(30522))
    assert 0 < needed < 5000
    assert minilm.tokenizer.convert_ids_to_tokens(pieces[-1]).startswith("[unused")
    first = minilm.tokenizer.convert_ids_to_tokens(pieces[needed : needed + 50])
    assert "the" in first or "the" in minilm.tokenizer.convert_ids_to_tokens(pieces[:needed])


def test_training_texts_are_read_as_before(minilm: Backbone, tiny_task: Task, kept: list[int]) -> None:
    smaller = trimmed(minilm.tokenizer, kept)
    for text in tiny_task.train.texts:
        assert smaller.tokenize(text) == minilm.tokenizer.tokenize(text)
        assert [kept[piece] for piece in smaller(text)["input_ids"]] == minilm.tokenizer(text)["input_ids"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
def test_what_could_be_read_still_can(text: str, minilm: Backbone, kept: list[int]) -> None:
    smaller = trimmed(minilm.tokenizer, kept)
    before, after = minilm.tokenizer.tokenize(text), smaller.tokenize(text)
    assert before.count("[UNK]") == after.count("[UNK]")
    assert "".join(before).replace("##", "") == "".join(after).replace("##", "")


def test_it_is_saved_as_an_ordinary_fast_tokenizer(minilm: Backbone, kept: list[int], tmp_path: Path) -> None:
    smaller = trimmed(minilm.tokenizer, kept)
    smaller.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.is_fast
    assert len(again) == len(kept)
    text = "Turn on the kitchen lights, electroencephalograph!"
    assert again(text).data == smaller(text).data
    assert again.convert_ids_to_tokens(again(text)["input_ids"])[:3] == ["[CLS]", "turn", "on"]
    assert again(["on", "turn it off"], padding=True)["input_ids"][0][-1] == again.pad_token_id


def test_the_model_answers_training_texts_as_before(bench: Workbench, kept: list[int]) -> None:
    draft = Draft(model=bench.pretrained, tokenizer=bench.backbone.tokenizer, max_tokens=20)
    smaller = TrimVocabulary(kept).apply(draft)
    assert smaller.model.config.vocab_size == len(kept)
    for text in bench.task.train.texts[:5]:
        torch.testing.assert_close(logits(smaller, text), logits(draft, text), atol=1e-6, rtol=0)
    assert draft.model.config.vocab_size == 30522


def logits(draft: Draft, text: str) -> torch.Tensor:
    with torch.inference_mode():
        answer: torch.Tensor = draft.model(torch.tensor([draft.tokenizer(text)["input_ids"]])).logits
    return answer


def test_the_rate_of_unknown_pieces_is_a_share(minilm: Backbone, kept: Sequence[int]) -> None:
    smaller = trimmed(minilm.tokenizer, kept)
    assert unknown_rate(smaller.backend_tokenizer, ["turn on the light"]) == 0
    assert unknown_rate(smaller.backend_tokenizer, ["the \u13a0", "light on"]) == 0.25
    assert unknown_rate(smaller.backend_tokenizer, [""]) == 0


def test_a_tokenizer_of_another_kind_needs_all_of_its_pieces() -> None:
    words = words_of(["one two three"])
    assert pieces_by_need(words, [[3, 4]]) == (list(range(6)), 6)
