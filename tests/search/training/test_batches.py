from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.models.backbones import Backbone
from search.tasks import Split
from search.training.batches import Batch, EncodedSplit

# A number's word pieces tell which text a row is; the words after it only make it longer.
WORDS = ["the", "light", "in", "the", "kitchen", "of", "the", "old", "house", "by", "the", "sea", "is", "on", "again"]


def split_of(n: int) -> Split:
    texts = tuple(f"{number} {' '.join(WORDS[: number * 7 % 15])}" for number in range(1, n + 1))
    return Split(texts, tuple(range(1, n + 1)))


@pytest.fixture(scope="module")
def encoded(minilm: Backbone) -> EncodedSplit:
    return EncodedSplit(split_of(150), minilm.tokenizer, max_tokens=64)


def rows(batches: Iterable[Batch]) -> list[tuple[tuple[int, ...], int]]:
    """Each text's word pieces, as the mask has them, with its label."""
    return [
        (tuple(ids[mask.bool()].tolist()), int(label))
        for batch in batches
        for ids, mask, label in zip(batch.input_ids, batch.attention_mask, batch.labels, strict=True)
    ]


def expected_rows(minilm: Backbone, n: int, max_tokens: int = 64) -> list[tuple[tuple[int, ...], int]]:
    split = split_of(n)
    ids = minilm.tokenizer(list(split.texts), truncation=True, max_length=max_tokens)["input_ids"]
    return [(tuple(pieces), label) for pieces, label in zip(ids, split.labels, strict=True)]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch_size=st.integers(1, 200), seed=st.integers(0, 1000))
def test_an_epoch_has_every_text_with_its_label_exactly_once(
    batch_size: int, seed: int, encoded: EncodedSplit, minilm: Backbone
) -> None:
    batches = list(encoded.epoch(batch_size, np.random.default_rng(seed)))
    assert sorted(rows(batches)) == sorted(expected_rows(minilm, 150))
    assert len(batches) == -(-150 // batch_size)
    assert max(len(batch.labels) for batch in batches) == min(batch_size, 150)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 500])
def test_an_evaluation_has_every_text_once_shortest_first(
    batch_size: int, encoded: EncodedSplit, minilm: Backbone
) -> None:
    seen = rows(encoded.in_order_of_length(batch_size))
    assert sorted(seen) == sorted(expected_rows(minilm, 150))
    lengths = [len(ids) for ids, _ in seen]
    assert lengths == sorted(lengths)


def test_a_batch_is_padded_to_its_longest_text_at_its_end(encoded: EncodedSplit, minilm: Backbone) -> None:
    for batch in encoded.epoch(8, np.random.default_rng(0)):
        lengths = batch.attention_mask.sum(dim=1)
        assert batch.input_ids.shape == batch.attention_mask.shape == (len(batch.labels), int(lengths.max()))
        expected = torch.arange(batch.input_ids.shape[1])[None, :] < lengths[:, None]
        assert torch.equal(batch.attention_mask.bool(), expected)
        assert (batch.input_ids[~expected] == minilm.tokenizer.pad_token_id).all()
        assert (batch.input_ids[:, 0] == minilm.tokenizer.cls_token_id).all()


def test_texts_of_like_length_come_together(encoded: EncodedSplit) -> None:
    padded = sum(batch.input_ids.numel() for batch in encoded.epoch(8, np.random.default_rng(0)))
    needed = sum(int(batch.attention_mask.sum()) for batch in encoded.epoch(8, np.random.default_rng(0)))
    assert padded < 1.1 * needed


def test_the_order_depends_on_the_generator_alone(encoded: EncodedSplit) -> None:
    torch.manual_seed(1)
    one = rows(encoded.epoch(8, np.random.default_rng(3)))
    torch.manual_seed(2)
    list(encoded.epoch(4, np.random.default_rng(9)))
    assert rows(encoded.epoch(8, np.random.default_rng(3))) == one
    assert rows(encoded.epoch(8, np.random.default_rng(4))) != one


def test_a_second_epoch_comes_in_another_order(encoded: EncodedSplit) -> None:
    rng = np.random.default_rng(0)
    assert rows(encoded.epoch(8, rng)) != rows(encoded.epoch(8, rng))


def test_batches_do_not_come_in_order_of_length(encoded: EncodedSplit) -> None:
    longest = [batch.input_ids.shape[1] for batch in encoded.epoch(8, np.random.default_rng(0))]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


def test_long_texts_are_cut_and_keep_their_last_mark(minilm: Backbone) -> None:
    cut = EncodedSplit(split_of(30), minilm.tokenizer, max_tokens=6)
    batches = list(cut.in_order_of_length(30))
    assert batches[0].input_ids.shape[1] == 6
    assert sorted(rows(batches)) == sorted(expected_rows(minilm, 30, max_tokens=6))
    assert all(ids[-1] == minilm.tokenizer.sep_token_id for ids, _ in rows(batches))


def test_its_length_is_the_number_of_texts(encoded: EncodedSplit) -> None:
    assert len(encoded) == 150


def test_a_batch_has_the_types_that_a_model_takes(encoded: EncodedSplit) -> None:
    batch = next(encoded.epoch(8, np.random.default_rng(0))).to(torch.device("cpu"))
    assert batch.input_ids.dtype == batch.attention_mask.dtype == batch.labels.dtype == torch.long
