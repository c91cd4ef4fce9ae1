from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from spaces.choices import FloatChoice, IntChoice, IntRange, LogRange, OneOf, of_full_size

INT: TypeAdapter[Any] = TypeAdapter(IntChoice)
FLOAT: TypeAdapter[Any] = TypeAdapter(FloatChoice)

int_lists = st.lists(st.integers(1, 2000), min_size=1, max_size=6, unique=True)


def a_trial(seed: int) -> optuna.Trial:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()


@settings(deadline=None)
@given(int_lists, st.integers(0, 2**31))
def test_a_trial_chooses_one_of_the_listed_values(values: list[int], seed: int) -> None:
    trial = a_trial(seed)
    chosen = INT.validate_python(values).suggest(trial, "heads")
    assert chosen in values
    assert trial.params == ({} if len(values) == 1 else {"heads": chosen})


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 9), st.integers(0, 2**31))
def test_a_trial_chooses_a_value_of_a_range(low: int, spread: int, step: int, seed: int) -> None:
    choice = INT.validate_python({"low": low, "high": low + spread, "step": step})
    chosen = choice.suggest(a_trial(seed), "ffn_size")
    assert low <= chosen <= low + spread
    assert (chosen - low) % step == 0
    assert chosen in choice.values
    assert choice.n_points == len(choice.values) == spread // step + 1


@settings(deadline=None)
@given(st.floats(1e-6, 1.0), st.floats(1.0, 1e3), st.integers(0, 2**31))
def test_a_trial_chooses_a_number_of_a_logarithmic_range(low: float, factor: float, seed: int) -> None:
    choice = FLOAT.validate_python({"low": low, "high": low * factor})
    assert low <= choice.suggest(a_trial(seed), "learning_rate") <= low * factor


def test_every_listed_value_is_chosen_sooner_or_later() -> None:
    for values in ([1, 2, 3], [16, 32], [3, 1, 2], [4, 6, 8, 10, 12], [1, 2, 4]):
        chosen = {INT.validate_python(values).suggest(a_trial(seed), "x") for seed in range(60)}
        assert chosen == set(values)


@pytest.mark.parametrize(("values", "ordered"), [([12, 4, 8], True), ([1, 2, 4], False), ([7, 9], True)])
def test_evenly_spaced_numbers_keep_their_order_for_the_sampler(values: list[int], ordered: bool) -> None:
    trial = a_trial(0)
    INT.validate_python(values).suggest(trial, "heads")
    kind = optuna.distributions.IntDistribution if ordered else optuna.distributions.CategoricalDistribution
    assert isinstance(trial.distributions["heads"], kind)


def test_a_single_value_leaves_no_choice() -> None:
    assert INT.validate_python(3) == OneOf[int](values=(3,))
    assert FLOAT.validate_python(1e-4) == OneOf[float](values=(1e-4,))
    assert INT.validate_python({"low": 5, "high": 5}).suggest(a_trial(0), "depth") == 5
    assert FLOAT.validate_python({"low": 0.5, "high": 0.5}).suggest(a_trial(0), "learning_rate") == 0.5


def test_a_continuous_range_has_infinitely_many_points() -> None:
    assert LogRange(low=1e-5, high=1e-3).n_points == math.inf
    assert LogRange(low=1e-5, high=1e-5).n_points == 1


@pytest.mark.parametrize(
    ("raw", "middle"), [([4, 6, 8], 6), (7, 7), ([16, 32], 32), ({"low": 10, "high": 21, "step": 4}, 14)]
)
def test_the_middle_of_whole_numbers_is_one_of_them(raw: object, middle: int) -> None:
    choice = INT.validate_python(raw)
    assert choice.middle == middle
    assert middle in choice.values


@given(st.floats(1e-6, 1.0), st.floats(1.0, 1e3))
def test_the_middle_of_a_logarithmic_range_is_as_far_from_either_end(low: float, factor: float) -> None:
    choice = LogRange(low=low, high=low * factor)
    assert choice.middle / choice.low == pytest.approx(choice.high / choice.middle)
    assert FLOAT.validate_python([1e-4, 1e-3, 5e-3]).middle == 1e-3


@pytest.mark.parametrize(
    "wrong",
    [[], [2, 2], ["many"], {"low": 3, "high": 1}, {"low": 0, "high": 4}, {"low": 1, "high": 4, "step": 0}, {"low": 1}],
)
def test_a_choice_of_whole_numbers_that_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        INT.validate_python(wrong)


@pytest.mark.parametrize("wrong", [{"low": 0.0, "high": 1.0}, {"low": 1e-3, "high": 1e-4}, ["fast"], [0.1, 0.1]])
def test_a_choice_of_numbers_that_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        FLOAT.validate_python(wrong)


@given(st.integers(0, 100), st.integers(1, 5000))
def test_a_percentage_is_rounded_to_the_nearest_size_and_is_at_least_one(percent: int, full: int) -> None:
    size = of_full_size(f"{percent}%", full)
    assert 1 <= size <= full
    assert size == 1 or abs(size - percent / 100 * full) <= 0.5


@given(st.lists(st.integers(0, 100), min_size=1, max_size=8), st.integers(1, 40))
def test_percentages_that_fall_together_are_kept_once_in_order(percents: list[int], full: int) -> None:
    sizes = of_full_size([f"{percent}%" for percent in percents], full)
    assert len(sizes) == len(set(sizes))
    assert set(sizes) == {of_full_size(f"{percent}%", full) for percent in percents}
    assert sizes[0] == of_full_size(f"{percents[0]}%", full)


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 5000))
def test_a_greater_percentage_is_never_a_smaller_size(one: int, other: int, full: int) -> None:
    low, high = sorted((one, other))
    assert of_full_size(f"{low}%", full) <= of_full_size(f"{high}%", full)


def test_numbers_and_steps_are_not_percentages() -> None:
    assert of_full_size(12, 6) == 12
    assert of_full_size({"low": "25%", "high": "100%", "step": 64}, 1536) == {"low": 384, "high": 1536, "step": 64}
    assert of_full_size([2, "50%", 4], 8) == [2, 4]


@pytest.mark.parametrize("garbage", ["half", "%", "50", "50%%", "-5%", "50% of it", "five%", ""])
def test_what_is_no_percentage_is_named_in_the_refusal(garbage: str) -> None:
    with pytest.raises(ValueError, match="neither a number nor a percentage") as refusal:
        of_full_size(garbage, 12)
    assert f"'{garbage}'" in str(refusal.value)


def test_a_range_ends_at_the_last_step_below_its_high() -> None:
    assert IntRange(low=10, high=20, step=4).values == (10, 14, 18)
    chosen = {IntRange(low=10, high=20, step=4).suggest(a_trial(seed), "x") for seed in range(40)}
    assert chosen == {10, 14, 18}
