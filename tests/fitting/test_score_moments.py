"""What scores say, for numbers of which it is known."""

import numpy as np
import pytest

from tuneful.fitting.score_moments import BLOCKS, ScoreMoments

NOISE, SPREAD, CURVES = 2.0, 0.5, 20_000
MIXED = np.array([[0.3, 0.1], [-0.2, 0.7]])


@pytest.fixture(scope="module")
def drawn():
    """x = eta + noise, of which the information is 1 / NOISE^2, and shifts, blocks, x at the centre, its blocks."""
    rng = np.random.default_rng(0)
    shifts, blocks = SPREAD * rng.normal(size=(CURVES, 2)), np.arange(CURVES) % BLOCKS
    around, there = (NOISE * rng.normal(size=(CURVES, 2)) for _ in range(2))
    return shifts + around, shifts, blocks, there + 1, blocks


def test_information_of_means_is_theirs_however_they_are_mixed(drawn):
    """The slope of 20,000 has a standard error of NOISE / SPREAD / sqrt(20,000), twice that in the information."""
    x, shifts, blocks, there, blocks_there = drawn
    plain = ScoreMoments.of(*drawn)
    error = 2 / NOISE**2 * NOISE / SPREAD / np.sqrt(CURVES) + 1 / NOISE**2 * np.sqrt(2 / CURVES)
    assert np.abs(plain.sensitivity - np.eye(2) / NOISE**2).max() < 4 * error
    mixed = ScoreMoments.of(x @ MIXED, shifts, blocks, there @ MIXED, blocks_there)
    np.testing.assert_allclose(mixed.sensitivity, plain.sensitivity, atol=1e-9)
    np.testing.assert_allclose(mixed.mean, there.mean(axis=0) @ MIXED)
    np.testing.assert_allclose(mixed.covariance, np.cov((there @ MIXED).T))


def test_a_score_that_never_changes_says_nothing(drawn):
    x, shifts, blocks, there, blocks_there = drawn
    kept = ScoreMoments.of(x * [1, 0] + [0, 3], shifts, blocks, there * [1, 0] + [0, 3], blocks_there)
    assert np.isfinite(kept.sensitivity).all()
    np.testing.assert_allclose(np.linalg.eigvalsh(kept.sensitivity)[0], 0, atol=1e-12)


def test_replicates_lack_one_block_each(drawn):
    x, shifts, blocks, there, blocks_there = drawn
    rest, rest_there = blocks != 3, blocks_there != 3
    without = ScoreMoments.of(x[rest], shifts[rest], blocks[rest], there[rest_there], blocks_there[rest_there])
    np.testing.assert_allclose(ScoreMoments.of(*drawn).replicates[3].sensitivity, without.sensitivity)
