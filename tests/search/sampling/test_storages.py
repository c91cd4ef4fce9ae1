"""The stores of studies, and what each promises."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from search.sampling.store import StudyStore
from tests.contracts.storages import EveryStorage, HeldStorage, OpenStore, SharedStorage


class TestJournal(EveryStorage, SharedStorage, HeldStorage):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return partial(StudyStore, tmp_path)
