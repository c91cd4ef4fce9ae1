from __future__ import annotations

from typing import Any

import pytest

from results.choosing import Standing
from results.records import TrialRecord
from spaces import Candidate
from tests.results.test_records import a_study, a_trial
from trackers.plots.choices import importances, importances_figure, parallel_figure


def trial(number: int) -> TrialRecord:
    """One whose score its depth decides, its latency its width, and nothing its quantisation."""
    depth, width, quantisation = 1 + number % 3, (64, 128)[number // 3 % 2], ("none", "int4")[number % 2]
    sections: dict[str, Any] = {
        "architecture": {
            "layers": list(range(depth)),
            "heads": [4] * depth,
            "ffn_sizes": [width] * depth,
            "hidden_size": 384,
        },
        "compression": {"quantisation": quantisation},
        "training": None,
    }
    return a_trial(number, score=0.2 * depth, latency_ms=width / 16, candidate=Candidate.model_validate(sections))


TRIALS = tuple(map(trial, range(24)))
STANDING = Standing(trials=TRIALS, front=(2,), recommended=2)
STUDY = a_study(objectives=("score", "latency_ms"))


def test_what_decides_a_figure_is_the_most_important() -> None:
    score, latency = importances(TRIALS, "score"), importances(TRIALS, "latency_ms")
    assert max(score, key=score.__getitem__) == "depth"
    assert max(latency, key=latency.__getitem__) == "ffn_sizes"
    assert sum(score.values()) == pytest.approx(1)


def test_of_too_few_trials_or_equal_ones_nothing_is_said() -> None:
    assert importances(TRIALS[:7], "score") == {}
    assert importances([a_trial(number) for number in range(10)], "score") == {}


def test_there_are_bars_for_the_score_and_for_each_cost() -> None:
    figure = importances_figure(STUDY, STANDING)
    assert [bars.name for bars in figure.data] == ["score (validation)", "latency, p50 (ms)"]
    assert set(figure.data[0].y) == {"depth", "ffn_sizes", "quantisation"}


def test_each_scored_trial_is_a_line_through_its_choices_and_figures() -> None:
    unscored = a_trial(24, score=None)
    figure = parallel_figure(STUDY, Standing(trials=(*TRIALS, unscored), front=(2,), recommended=2))
    dimensions = {dimension.label: dimension.values for dimension in figure.data[0].dimensions}
    assert list(dimensions) == ["depth", "ffn_sizes", "quantisation", "score (validation)", "latency, p50 (ms)"]
    assert all(len(values) == len(TRIALS) for values in dimensions.values())
    assert [index for index, marked in enumerate(figure.data[0].line.color) if marked] == [2]
