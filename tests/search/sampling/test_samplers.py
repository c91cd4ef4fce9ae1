"""The samplers, and what each promises."""

from __future__ import annotations

from functools import partial
from typing import get_args

import optuna
import pytest

from search.config import Sampler
from search.sampling.samplers import GP_TRIALS, STARTUP_TRIALS, make_sampler, one_thread
from spaces import Space
from tests.contracts.samplers import (
    SHAPE,
    BranchingSampler,
    ConstrainedSampler,
    EverySampler,
    MakeSampler,
    begun,
    proposed,
)

NAMES: tuple[Sampler, ...] = ("tpe", "nsga2", "nsga3", "gp", "random")


class TestSamplers(EverySampler, ConstrainedSampler, BranchingSampler):
    @pytest.fixture(scope="class", params=NAMES)
    def sampler(self, request: pytest.FixtureRequest) -> MakeSampler:
        return partial(make_sampler, request.param)


def test_each_name_but_auto_keeps_the_contract() -> None:
    assert {*NAMES, "auto"} == set(get_args(Sampler))


def test_auto_is_a_gaussian_process_until_that_becomes_slow() -> None:
    at = {n: type(make_sampler("auto", seed=0, n_trials=n)) for n in (0, GP_TRIALS - 1, GP_TRIALS)}
    gp, tpe = optuna.samplers.GPSampler, optuna.samplers.TPESampler
    assert at == {0: gp, GP_TRIALS - 1: gp, GP_TRIALS: tpe}


@pytest.mark.parametrize(("name", "n_before"), [("gp", 0), ("tpe", GP_TRIALS)])
def test_auto_proposes_what_the_sampler_that_it_is_proposes(name: Sampler, n_before: int) -> None:
    space = Space.load("quick", SHAPE)
    samplers = (make_sampler("auto", 3, n_before), make_sampler(name, 3))
    with one_thread():
        one, other = (proposed(begun("quick", STARTUP_TRIALS + 2), space, sampler)[1] for sampler in samplers)
    assert one == other
