from __future__ import annotations

import dataclasses

import pytest

from results.budgets import Budgets
from results.choosing import Ending, Standing
from tests.results.test_records import COMPARISON, a_study, a_trial, failed, over_budget, polished, stopped, worse
from trackers.description import describe, in_words, nothing_fits

POLISHED = polished(4, of=0)
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


def test_a_comparison_says_what_is_gained_and_how_sure_it_is() -> None:
    assert in_words(COMPARISON) == (
        "Against the full-size model as int8 it is 2.5 times as fast (p50) and 1.8 times smaller; its score on the 400"
        " test texts differs by -1.5 points (95% interval -4.0 to +1.2) from 0.9125."
    )


def test_the_description_of_an_ended_study_has_the_comparison() -> None:
    ending = Ending(standing=STANDING, test_score=0.8125, comparison=COMPARISON)
    assert in_words(COMPARISON) in describe(a_study(), STANDING, ending=ending)
    assert "full-size" not in describe(a_study(), STANDING, ending=Ending(standing=STANDING, test_score=0.8125))


def test_trials_that_were_stopped_polished_or_superseded_are_counted_as_such() -> None:
    trials = (a_trial(0), a_trial(1), stopped(2), worse(3, of=1), POLISHED)
    standing = Standing(trials=trials, front=(4,), recommended=4, superseded=frozenset({0}))
    text = describe(a_study(), standing)
    for end in ("1 front", "1 superseded", "1 dominated", "1 stopped", "1 worse"):
        assert end in text
    assert POLISHED.label in text
    assert "Recommended: #4" in text


def test_a_study_without_budgets_or_trials_says_so() -> None:
    text = describe(a_study(budgets=Budgets()), Standing())
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
    assert f"latency_ms by {n_over}." in nothing_fits(Standing(trials=tuple(trials)), Budgets(latency_ms=8))


def test_the_nearest_to_the_budgets_may_be_an_entrant_that_was_scored_all_the_same() -> None:
    near = dataclasses.replace(over_budget(1, latency_ms=8.5), entrant=True, score=0.75)
    text = nothing_fits(Standing(trials=(over_budget(0), near)), Budgets(latency_ms=8, score=0.5))
    assert "broken are latency_ms by 2." in text
    assert "Nearest is #1" in text
