from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from search.compression import Draft, Step
from search.compression.low_rank import FactoriseDense, FactoriseEmbeddings, factors
from tests.search.encoders import SMALL, small_encoder, small_inputs, words_of


def a_draft() -> Draft:
    return Draft(model=small_encoder(), tokenizer=words_of(["one"]), max_tokens=8)


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_the_product_of_the_factors_is_the_nearest_of_its_rank(rows: int, columns: int, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, min(rows, columns)))
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows * 100 + columns))
    left, right = factors(matrix, rank)
    assert (left.shape, right.shape) == ((rows, rank), (rank, columns))
    # Eckart and Young: the error is what the singular values left out amount to.
    values = np.linalg.svd(matrix.double().numpy(), compute_uv=False)
    error = np.linalg.norm((matrix - left @ right).double().numpy())
    assert error == pytest.approx(np.sqrt((values[rank:] ** 2).sum()), abs=1e-4)


@pytest.mark.parametrize("step", [FactoriseEmbeddings(SMALL.hidden_size), FactoriseDense(7)], ids=str)
def test_a_factorised_encoder_has_another_shape_and_the_one_given_is_as_it_was(step: Step) -> None:
    draft = a_draft()
    before = {name: weight.clone() for name, weight in draft.model.state_dict().items()}
    made = step.apply(draft)
    assert made.model.state_dict().keys() != before.keys()
    assert all(torch.equal(weight, before[name]) for name, weight in draft.model.state_dict().items())


def test_embeddings_of_full_rank_answer_as_before() -> None:
    draft = a_draft()
    made = FactoriseEmbeddings(SMALL.hidden_size).apply(draft)
    with torch.inference_mode():
        expected, answered = (one.model(*small_inputs()).logits for one in (draft, made))
    torch.testing.assert_close(answered, expected, atol=1e-4, rtol=1e-4)


def test_dense_layers_are_factorised_where_that_saves_weights() -> None:
    model = FactoriseDense(6).apply(a_draft()).model
    # 16 by 16 of attention: 6 * 32 < 256. 16 by 12 of FFN: 6 * 28 < 192.
    assert model.layers[0].attention.query.narrow.weight.shape == (6, 16)
    assert model.layers[0].feed_forward.expand.widen.weight.shape == (12, 6)
    whole = FactoriseDense(7).apply(a_draft()).model  # 7 * 28 > 192
    assert isinstance(whole.layers[0].feed_forward.expand, torch.nn.Linear)
    assert sum(weight.numel() for weight in model.parameters()) < sum(w.numel() for w in a_draft().model.parameters())
