"""Which of Optuna's samplers proposes a study's candidates."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import torch
from optuna.samplers import BaseSampler

from search.config import Sampler

STARTUP_TRIALS = 10
# Optuna's 50 would leave a study of 40 trials without a second generation.
POPULATION_SIZE = 16
# The Gaussian process finds the better fronts (benchmarks/samplers.py), and takes 3 s for the 60th proposal.
GP_TRIALS = 60


def make_sampler(name: Sampler, seed: int, n_trials: int = 0) -> BaseSampler:
    """A sampler that proposes the same candidate for the same history and ``seed``.

    Args:
        name: As in the study's configuration.
        seed: Decides what chance decides.
        n_trials: How many it proposed before.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match name:
            case "auto":
                return make_sampler("gp" if n_trials < GP_TRIALS else "tpe", seed)
            case "tpe":
                # It is multivariate by group, because what a space offers depends on the depth that was chosen.
                return optuna.samplers.TPESampler(
                    seed=seed, n_startup_trials=STARTUP_TRIALS, multivariate=True, group=True
                )
            case "nsga2":
                return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION_SIZE)
            case "nsga3":
                return optuna.samplers.NSGAIIISampler(seed=seed, population_size=POPULATION_SIZE)
            case "gp":
                return optuna.samplers.GPSampler(
                    seed=seed, n_startup_trials=STARTUP_TRIALS, warn_independent_sampling=False
                )
            case "random":
                return optuna.samplers.RandomSampler(seed=seed)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: the Gaussian process is several times slower where threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
