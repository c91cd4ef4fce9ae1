"""Tiny models are trained on one core: dividing so little work among more takes longer than doing it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from search.sampling.samplers import one_thread


@pytest.fixture(scope="package", autouse=True)
def _one_core() -> Iterator[None]:
    with one_thread():
        yield
