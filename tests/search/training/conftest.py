"""Tiny models are trained on one core: dividing so little work among more takes longer than doing it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def one_core() -> Iterator[None]:
    """Has torch use a single core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
