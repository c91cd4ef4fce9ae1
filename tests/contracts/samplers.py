"""What a sampler promises, as classes of tests: a sampler's own test inherits those of the promises that it makes.

The class that inherits names its subject by a fixture ``sampler`` of scope ``class``, which makes a sampler of a seed.
As a study does, the tests take a new one for each proposal, which knows the history alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import optuna
import pytest
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from search.sampling.samplers import STARTUP_TRIALS, one_thread
from spaces import Candidate, Shape, Space

SHAPE = Shape(depth=6, heads=12, head_size=32, ffn_size=1536, hidden_size=384)
LATENCY_LIMIT_MS = 6.0
# Proposals that a sampler makes from what it has learnt, after those of chance alone.
N_LEARNT = 4

MakeSampler = Callable[[int], BaseSampler]


def costs(candidate: Candidate) -> tuple[float, float, float]:
    """A score, a latency and a size that trade off against each other."""
    architecture = candidate.architecture
    work = sum(head * 4 + ffn / 32 for head, ffn in zip(architecture.heads, architecture.ffn_sizes, strict=True)) / 96
    bytes_of_a_weight = 1 if candidate.compression.quantisation == "dynamic-int8" else 4
    score = 0.9 - 0.5 / (1 + work) - 0.02 * (bytes_of_a_weight == 1)
    return score, 0.5 + work, 3 * bytes_of_a_weight * (1 + work)


def a_study() -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize", "minimize"])


def proposed(study: optuna.Study, space: Space, sampler: BaseSampler) -> tuple[optuna.Trial, Candidate]:
    """What a sampler wants to know next of a study."""
    study.sampler = sampler
    trial = study.ask()
    return trial, space.sample(trial)


def run(study: optuna.Study, space: Space, sampler: MakeSampler, n_trials: int) -> list[Candidate]:
    """Trials that a study proposes, tries and tells."""
    candidates = []
    for seed in range(n_trials):
        trial, candidate = proposed(study, space, sampler(seed))
        score, latency_ms, size_mb = costs(candidate)
        trial.set_constraint("latency_ms", latency_ms - LATENCY_LIMIT_MS)
        study.tell(trial, [score, latency_ms, size_mb])
        candidates.append(candidate)
    return candidates


@cache
def past(space: str, n_trials: int) -> tuple[optuna.trial.FrozenTrial, ...]:
    """Trials of candidates that chance proposed."""
    study = a_study()
    run(study, Space.load(space, SHAPE), optuna.samplers.RandomSampler, n_trials)
    return tuple(study.get_trials())


def begun(space: str, n_trials: int) -> optuna.Study:
    """A study with a past."""
    study = a_study()
    study.add_trials(past(space, n_trials))
    return study


class EverySampler:
    """What a study asks of whatever proposes its candidates."""

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        with one_thread():
            yield

    def test_the_same_seed_and_history_give_the_same_candidate(self, sampler: MakeSampler) -> None:
        space = Space.load("default", SHAPE)
        one, other = (proposed(begun("default", STARTUP_TRIALS + 2), space, sampler(7))[1] for _ in range(2))
        assert one == other

    def test_a_study_that_is_run_again_proposes_the_same(self, sampler: MakeSampler) -> None:
        space = Space.load("quick", SHAPE)
        one, other = (run(a_study(), space, sampler, STARTUP_TRIALS + 1) for _ in range(2))
        assert one == other

    def test_other_seeds_give_other_candidates(self, sampler: MakeSampler) -> None:
        space = Space.load("default", SHAPE)
        assert len({proposed(a_study(), space, sampler(seed))[1] for seed in range(4)}) > 1

    def test_it_goes_on_after_a_trial_that_failed(self, sampler: MakeSampler) -> None:
        space, study = Space.load("default", SHAPE), begun("default", STARTUP_TRIALS)
        failed, _ = proposed(study, space, optuna.samplers.RandomSampler(1))
        study.tell(failed, state=TrialState.FAIL)
        _, candidate = proposed(study, space, sampler(2))
        assert candidate.architecture.depth <= SHAPE.depth

    def test_a_candidate_in_the_queue_comes_first(self, sampler: MakeSampler) -> None:
        study = begun("default", STARTUP_TRIALS)
        wanted = study.get_trials()[3].params
        study.enqueue_trial(wanted)
        trial, _ = proposed(study, Space.load("default", SHAPE), sampler(1))
        assert trial.params == wanted


@dataclass(frozen=True)
class Explored:
    """What a sampler proposed in a space in which much breaks a budget."""

    space: Space
    study: optuna.Study
    candidates: list[Candidate]


class ConstrainedSampler:
    """It explores a space in which much breaks a budget."""

    @pytest.fixture(scope="class")
    def explored(self, sampler: MakeSampler) -> Explored:
        space, study = Space.load("default", SHAPE), a_study()
        with one_thread():
            return Explored(space, study, run(study, space, sampler, STARTUP_TRIALS + N_LEARNT))

    def test_candidates_hardly_repeat(self, explored: Explored) -> None:
        n_proposed = STARTUP_TRIALS + N_LEARNT
        assert len(explored.study.get_trials(states=[TrialState.COMPLETE])) == n_proposed
        assert len(set(explored.candidates)) > n_proposed * 3 / 4

    def test_candidates_lie_in_the_space(self, explored: Explored) -> None:
        sizes = explored.space.architecture
        for candidate in explored.candidates:
            architecture = candidate.architecture
            assert architecture.depth in sizes.depth.values
            assert set(architecture.heads) <= set(sizes.heads.values)
            assert set(architecture.ffn_sizes) <= set(sizes.ffn_size.values)
            assert architecture.hidden_size in sizes.hidden_size.values
            assert max(architecture.layers) < SHAPE.depth

    def test_the_best_trials_keep_to_the_budget(self, explored: Explored) -> None:
        best = [explored.candidates[trial.number] for trial in explored.study.best_trials]
        assert best
        assert all(costs(candidate)[1] <= LATENCY_LIMIT_MS for candidate in best)


class BranchingSampler:
    """It takes a space in which a choice decides which others there are."""

    def test_each_layer_has_a_size_of_its_own(self, sampler: MakeSampler) -> None:
        space = Space.load("per-layer", SHAPE)
        _, candidate = proposed(begun("per-layer", STARTUP_TRIALS), space, sampler(1))
        assert len(candidate.architecture.heads) == candidate.architecture.depth
