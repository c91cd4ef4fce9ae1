from __future__ import annotations

import pytest

from search.engines.local import InlineEngine
from tests.contracts.engines import EngineContract, Make


class TestInlineEngine(EngineContract):
    @pytest.fixture
    def make(self) -> Make:
        return InlineEngine
