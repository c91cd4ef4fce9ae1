from __future__ import annotations

import pytest

from results.budgets import Budgets


@pytest.mark.parametrize(
    ("limits", "figures", "shares"),
    [
        ({"latency_ms": 8.0}, {"latency_ms": 10.0}, {"latency_ms": 0.25}),
        ({"latency_ms": 8.0}, {"latency_ms": 8.0}, {"latency_ms": 0.0}),
        ({"score": 0.8}, {"score": 0.6}, {"score": 0.25}),
        ({"score": 0.8}, {"score": 0.9}, {"score": -0.125}),
        ({"score": 0.0}, {"score": 0.5}, {"score": -0.5}),
        ({"size_mb": 10.0, "score": 0.8}, {"size_mb": 5.0, "memory_mb": 900.0}, {"size_mb": -0.5}),
        ({}, {"latency_ms": 10.0}, {}),
    ],
)
def test_the_excess_is_a_share_of_the_budget_that_is_positive_where_it_is_broken(
    limits: dict[str, float], figures: dict[str, float], shares: dict[str, float]
) -> None:
    budgets = Budgets.model_validate(limits)
    assert budgets.excess(figures) == pytest.approx(shares)
    assert budgets.broken(figures).keys() == {name for name, share in shares.items() if share > 0}


def test_what_is_broken_is_said_with_its_limit() -> None:
    budgets = Budgets(latency_ms=8, size_mb=20, score=0.75)
    assert budgets.over({"latency_ms": 8, "size_mb": 20, "score": 0.75}) == ""
    assert budgets.over({"latency_ms": 9.5, "score": 0.5}) == "latency_ms 9.5 over 8, score 0.5 below 0.75"
    assert budgets.bounds == {"latency_ms": "at most 8", "size_mb": "at most 20", "score": "at least 0.75"}


def test_the_memory_limit_of_a_device_is_a_limit_like_the_others() -> None:
    assert "memory limit" in Budgets().over({"fits": 0.0})
    assert Budgets().over({"fits": 1.0}) == ""
