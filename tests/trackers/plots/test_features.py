from __future__ import annotations

from typing import Any

from tests.results.test_records import a_trial, changed
from trackers.plots.features import features

DEEPER = changed(a_trial(0).candidate, architecture={"layers": [0, 2, 5], "heads": [4] * 3, "ffn_sizes": [64] * 3})


def trials_with(section: str, name: str, values: list[Any]) -> list[Any]:
    candidate = a_trial(0).candidate
    return [
        a_trial(number, candidate=changed(candidate, **{section: {name: value}})) for number, value in enumerate(values)
    ]


def test_only_what_differs_is_a_feature() -> None:
    (feature,) = features(trials_with("compression", "quantisation", ["none", "int4", "none"]))
    assert (feature.name, feature.values, feature.categories) == ("quantisation", (1, 0, 1), ("int4", "none"))


def test_what_differs_between_layers_counts_by_its_mean_and_the_layers_by_their_number() -> None:
    found = features(trials_with("architecture", "heads", [[4, 4], [2, 4]]))
    assert [(feature.name, feature.categories) for feature in found] == [("heads", ("3", "4"))]
    found = features(trials_with("architecture", "layers", [[0, 5], [1, 5], [2, 5]]))
    assert found == []
    found = features([a_trial(0), a_trial(1, candidate=DEEPER)])
    assert [(feature.name, feature.values) for feature in found] == [("depth", (0, 1))]


def test_numbers_come_by_size_and_what_stays_whole_last() -> None:
    (feature,) = features(trials_with("compression", "vocabulary", [None, 9000, 20000]))
    assert (feature.values, feature.categories) == ((2, 0, 1), ("9000", "20000", "whole"))


def test_many_different_numbers_stay_numbers() -> None:
    (feature,) = features(trials_with("training", "learning_rate", [10.0**-power for power in range(12)]))
    assert feature.categories == ()
    assert feature.values[3] == 10.0**-3
