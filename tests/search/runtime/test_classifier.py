from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from search.runtime.classifier import TextClassifier, batches


@given(st.lists(st.text(max_size=3), max_size=30), st.integers(1, 10))
def test_batches_hold_every_text_in_order_and_only_the_last_is_smaller(texts: list[str], batch_size: int) -> None:
    parts = list(batches(texts, batch_size))
    assert [text for part in parts for text in part] == texts
    assert all(len(part) == batch_size for part in parts[:-1])
    assert all(1 <= len(part) <= batch_size for part in parts)


def test_a_text_is_answered_alike_alone_and_beside_longer_ones(artifact: Path) -> None:
    classifier = TextClassifier(artifact, threads=1)
    texts = ["no", "turn on the kitchen light please", "", "start a timer for twenty minutes and then another one"]
    alone = np.concatenate([classifier.logits([text]) for text in texts])
    np.testing.assert_allclose(classifier.logits(texts), alone, atol=1e-4)
