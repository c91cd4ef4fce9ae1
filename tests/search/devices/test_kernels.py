from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.artifacts.fixed import FixedArtifact
from search.devices.kernels import KERNELS, fitted_factors, kernel_shares, left_out_errors

TEXTS = ["turn on the light", "set a timer"]
FACTORS = st.lists(st.floats(0.1, 50), min_size=len(KERNELS), max_size=len(KERNELS))


def some_times(seed: int = 0) -> np.ndarray:
    """Times of twelve artefacts by kernel, in ms."""
    return np.random.default_rng(seed).uniform(0.1, 5, size=(12, len(KERNELS)))


def test_shares_make_a_whole_and_go_to_the_kernels_of_the_artefact(artifact: Path, tmp_path: Path) -> None:
    FixedArtifact(2, 192, 384, "dynamic-int8").write(tmp_path, TEXTS)
    fp32, int8 = (dict(zip(KERNELS, kernel_shares(folder, TEXTS), strict=True)) for folder in (artifact, tmp_path))
    for shares in (fp32, int8):
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["int4"] < 1e-3
    assert fp32["fp32"] > 0.2
    assert fp32["int8"] < 1e-3
    assert int8["int8"] > 0.05


@given(FACTORS)
def test_the_factors_of_a_board_that_is_so_are_found(factors: list[float]) -> None:
    here = some_times()
    found = fitted_factors(here, here @ np.array(factors))
    np.testing.assert_allclose(found, factors, rtol=1e-4)
    assert left_out_errors(here, here @ np.array(factors)).max() < 1e-4


@given(FACTORS, st.floats(0.01, 100))
def test_no_factor_is_negative_and_all_scale_with_the_board(factors: list[float], slower: float) -> None:
    here, noise = some_times(), np.random.default_rng(1).uniform(0.8, 1.2, size=12)
    there = here @ np.array(factors) * noise
    found = fitted_factors(here, there)
    assert (found >= 0).all()
    np.testing.assert_allclose(fitted_factors(here, there * slower), found * slower, rtol=1e-6, atol=1e-9 * slower)


def test_the_error_of_a_noisy_board_is_about_its_noise() -> None:
    here, rng = some_times(), np.random.default_rng(2)
    errors = left_out_errors(here, here.sum(axis=1) * rng.uniform(0.9, 1.1, size=12))
    assert 0.01 < np.median(errors) < 0.15


def test_a_kernel_that_no_artefact_has_counts_as_the_whole() -> None:
    here = some_times()
    here[:, 2] = 1e-6
    assert fitted_factors(here, 3 * here.sum(axis=1)) == pytest.approx([3, 3, 3, 3])
