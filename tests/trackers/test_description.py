from __future__ import annotations

import pytest

from tests.trackers.test_records import a_study, a_trial, failed, over_budget
from trackers.description import describe, nothing_fits
from trackers.records import Ending, Standing

STANDING = Standing(
    trials=(a_trial(0, score=0.9), a_trial(1, score=0.6), over_budget(2), failed(3), a_trial(4, repeats=0)),
    front=(0,),
    recommended=0,
)


def test_the_description_says_what_is_searched_and_how_far_it_is() -> None:
    text = describe(a_study("lights"), STANDING)
    assert text.startswith("## lights: home-intents on this-machine")
    assert "score, latency_ms, size_mb" in text
    assert "latency_ms at most 8, score at least 0.5" in text
    assert "5 of 8" in text
    for end in ("1 front", "1 dominated", "1 over-budget", "1 failed", "1 repeat"):
        assert end in text


def test_the_description_has_the_front_and_what_to_take() -> None:
    text = describe(a_study("lights"), STANDING, link=lambda trial: f"runs/{trial.number}")
    assert "[#0](runs/0)" in text
    assert "#1" not in text
    assert "**Recommended: #0**" in text
    assert "bertailor export lights --out lights-bundle" in text
    assert "test split" not in text


def test_the_description_of_an_ended_study_has_the_test_score() -> None:
    text = describe(a_study(), STANDING, ending=Ending(standing=STANDING, test_score=0.8125))
    assert "test split is 0.8125" in text


def test_a_test_score_of_zero_is_told_too() -> None:
    text = describe(a_study(), STANDING, ending=Ending(standing=STANDING, test_score=0.0))
    assert "test split is 0.0000" in text


def test_a_study_without_budgets_or_trials_says_so() -> None:
    text = describe(a_study(budgets={}), Standing())
    assert "**Budgets:** none" in text
    assert "none yet" in text
    assert "Empty so far." in text
    assert "Recommended" not in text


def test_a_study_where_nothing_fits_says_why() -> None:
    text = describe(a_study(), Standing(trials=(failed(0), failed(1), over_budget(2))))
    assert "trials keeps to the budgets" in text
    assert "2 failed" in text
    assert "latency_ms" in text


@pytest.mark.parametrize("n_over", [3, 9])
def test_trials_over_the_same_budget_are_counted_together(n_over: int) -> None:
    trials = [over_budget(number, latency_ms=9.0 + number / 8) for number in range(n_over)]
    assert f"latency_ms by {n_over}." in nothing_fits(Standing(trials=tuple(trials)), {"latency_ms": 8})
