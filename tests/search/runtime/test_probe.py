from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.runtime.classifier import TextClassifier
from search.runtime.probe import measure
from search.runtime.request import Request

TEXTS = ["turn on the light", "set a timer", "wake me"]


def test_only_full_batches_are_timed(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    logits = TextClassifier.logits

    def counted(self: TextClassifier, texts: list[str]) -> np.ndarray:
        sizes.append(len(texts))
        return logits(self, texts)

    monkeypatch.setattr(TextClassifier, "logits", counted)
    report = measure(Request(str(artifact), TEXTS, threads=1, batch_size=2, time_limit_s=0.1))
    assert set(sizes) == {2}
    assert len(report.logits) == len(TEXTS)


def test_without_a_yardstick_nothing_is_told_of_it_and_beside_itself_it_takes_as_long(artifact: Path) -> None:
    request = Request(str(artifact), TEXTS, threads=1, batch_size=1, time_limit_s=0.1)
    assert measure(request).timing.yardstick_ms is None
    beside = measure(Request(str(artifact), TEXTS, 1, 1, 0.5, yardstick=str(artifact))).timing
    assert beside.yardstick_ms is not None
    assert 0.2 < beside.latency_ms / beside.yardstick_ms < 2
