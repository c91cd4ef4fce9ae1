"""The strategies by the names that a study file calls them."""

from __future__ import annotations

from search.config import StudyConfig
from search.study.standalone import Standalone
from search.study.strategy import Strategy
from search.study.supernet import Supernet

STRATEGIES: dict[str, type[Strategy]] = {"supernet": Supernet, "standalone": Standalone}


def strategy_of(config: StudyConfig) -> Strategy:
    """The strategy of a study."""
    return STRATEGIES[config.strategy](config)
