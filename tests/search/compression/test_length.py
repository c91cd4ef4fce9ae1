from __future__ import annotations

import torch

from search.compression import Draft
from search.compression.length import CapLength
from tests.search.encoders import POSITIONS, small_encoder, small_inputs, words_of


def capped(at: int, max_tokens: int = 12) -> Draft:
    return CapLength(at).apply(Draft(model=small_encoder(), tokenizer=words_of(["one"]), max_tokens=max_tokens))


def test_positions_that_are_never_read_are_left_out() -> None:
    made = capped(5)
    assert made.max_tokens == made.model.config.max_position_embeddings == 5
    assert len(made.model.embeddings.position.weight) == 5
    ids, mask = small_inputs(2, 5)
    with torch.inference_mode():
        torch.testing.assert_close(made.model(ids, mask).logits, small_encoder()(ids, mask).logits)


def test_a_cap_never_lengthens() -> None:
    assert capped(100, max_tokens=12).max_tokens == 12
    assert capped(100, max_tokens=99).model.config.max_position_embeddings == POSITIONS
