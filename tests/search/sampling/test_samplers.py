from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import optuna
import pytest

from search.config import Sampler
from search.sampling.samplers import GP_TRIALS, STARTUP_TRIALS, make_sampler, one_thread
from spaces import Candidate, Shape, Space

SHAPE = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
LATENCY_LIMIT_MS = 6.0


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with one_thread():
        yield


def costs(candidate: Candidate) -> tuple[float, float, float]:
    """A score, a latency and a size that trade off against each other."""
    architecture = candidate.architecture
    work = sum(head * 4 + ffn / 32 for head, ffn in zip(architecture.heads, architecture.ffn_sizes, strict=True)) / 96
    bytes_of_a_weight = 1 if candidate.compression.quantisation == "dynamic-int8" else 4
    score = 0.9 - 0.5 / (1 + work) - 0.02 * (bytes_of_a_weight == 1)
    return score, 0.5 + work, 3 * bytes_of_a_weight * (1 + work)


def a_study() -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize", "minimize"])


def run(study: optuna.Study, space: Space, name: Sampler, n_trials: int) -> list[Candidate]:
    """Trials told as a study tells them, each with a sampler of its own."""
    candidates = []
    for index in range(n_trials):
        study.sampler = make_sampler(name, seed=index)
        trial = study.ask()
        candidate = space.sample(trial)
        score, latency, size = costs(candidate)
        trial.set_constraint("latency_ms", latency - LATENCY_LIMIT_MS)
        study.tell(trial, [score, latency, size])
        candidates.append(candidate)
    return candidates


def history(space: Space, n_trials: int) -> optuna.Study:
    study = a_study()
    run(study, space, "random", n_trials)
    return study


def test_auto_is_a_gaussian_process_until_that_becomes_slow() -> None:
    at = {n: type(make_sampler("auto", seed=0, n_trials=n)) for n in (0, GP_TRIALS - 1, GP_TRIALS)}
    gp, tpe = optuna.samplers.GPSampler, optuna.samplers.TPESampler
    assert at == {0: gp, GP_TRIALS - 1: gp, GP_TRIALS: tpe}


@pytest.mark.parametrize("name", get_args(Sampler))
class TestEverySampler:
    """What a study asks of any sampler."""

    def test_proposes_the_same_for_the_same_seed_and_history(self, name: Sampler) -> None:
        space = Space.load("default", SHAPE)
        proposals = []
        for _ in range(2):
            study = history(space, STARTUP_TRIALS + 2)
            study.sampler = make_sampler(name, seed=7)
            proposals.append(space.sample(study.ask()))
        assert proposals[0] == proposals[1]

    def test_proposes_the_same_study_again(self, name: Sampler) -> None:
        space = Space.load("quick", SHAPE)
        one, other = (run(a_study(), space, name, STARTUP_TRIALS + 2) for _ in range(2))
        assert one == other

    def test_proposes_something_else_for_another_seed(self, name: Sampler) -> None:
        space = Space.load("default", SHAPE)
        proposals = set()
        for seed in range(4):
            study = a_study()
            study.sampler = make_sampler(name, seed=seed)
            proposals.add(space.sample(study.ask()))
        assert len(proposals) > 1

    def test_completes_a_study_with_constraints(self, name: Sampler) -> None:
        space, study = Space.load("default", SHAPE), a_study()
        candidates = run(study, space, name, 20)
        assert len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])) == 20
        assert len(set(candidates)) > 15
        for candidate in candidates:
            architecture = candidate.architecture
            assert architecture.depth in space.architecture.depth.values
            assert set(architecture.heads) <= set(space.architecture.heads.values)
            assert set(architecture.ffn_sizes) <= set(space.architecture.ffn_size.values)
            assert architecture.hidden_size in space.architecture.hidden_size.values
            assert max(architecture.layers) < SHAPE.depth
        assert study.best_trials
        assert all(costs(candidates[trial.number])[1] <= LATENCY_LIMIT_MS for trial in study.best_trials)

    def test_goes_on_after_failed_trials(self, name: Sampler) -> None:
        space = Space.load("default", SHAPE)
        study = history(space, STARTUP_TRIALS)
        study.sampler = make_sampler(name, seed=1)
        failed = study.ask()
        space.sample(failed)
        study.tell(failed, state=optuna.trial.TrialState.FAIL)
        study.sampler = make_sampler(name, seed=2)
        assert space.sample(study.ask()).architecture.depth <= SHAPE.depth

    def test_samples_sizes_of_each_layer(self, name: Sampler) -> None:
        space = Space.load("per-layer", SHAPE)
        candidates = run(a_study(), space, name, STARTUP_TRIALS + 2)
        assert all(len(c.architecture.heads) == c.architecture.depth for c in candidates)

    def test_takes_up_an_enqueued_candidate(self, name: Sampler) -> None:
        space = Space.load("default", SHAPE)
        study = history(space, STARTUP_TRIALS)
        wanted = study.get_trials()[3].params
        study.enqueue_trial(wanted)
        study.sampler = make_sampler(name, seed=1)
        trial = study.ask()
        space.sample(trial)
        assert trial.params == wanted
