"""Information in curves, against the Fisher information of a family where it is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis import information, standard_errors
from tuneful.objectives import Moments
from tuneful.objectives.base import Generated

MEAN, DEVIATION, CURVES = 10.0, 2.0, 1000


def normal_curves(seed, weight=1.0):
    """Rates m + s z in one condition, with their derivatives in m, in s, and in nothing."""
    z = jax.random.normal(jax.random.key(seed), (CURVES, 1))
    tangents = jnp.stack([jnp.ones_like(z), z, jnp.zeros_like(z)], axis=-1)
    return Generated(MEAN + DEVIATION * z, jnp.full(CURVES, weight)), tangents


def test_information_of_normal_curves_is_that_of_fisher():
    """1 / s^2 of the mean and 2 / s^2 of the deviation; the mean of six estimates within four standard errors.

    Weights from as many curves as they are used on add a part of K / N = 150 / 1,000 at most.
    """
    found = np.array([information(*normal_curves(seed), Moments(ridge=0.0)) for seed in range(6)])
    exact = np.diag([1 / DEVIATION**2, 2 / DEVIATION**2, 0.0])
    error = found.std(axis=0, ddof=1) / np.sqrt(6)
    assert (np.abs(found.mean(axis=0) - exact) <= 4 * error + 150 / CURVES * np.abs(exact)).all()
    assert (error[:2, :2] < 0.1 * exact.max()).all()  # so that this can fail


def test_information_needs_realisations():
    with pytest.raises(ValueError, match="two realisations that settle"):
        information(*normal_curves(0, weight=0.0))


def test_standard_errors_are_those_of_the_bound_where_curves_say_much_and_of_the_prior_where_nothing():
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(2, 2)))[0]
    per_curve = axes @ np.diag([4.0, -0.01]) @ axes.T
    errors = standard_errors(per_curve, curves=10**6, prior=0.5)
    np.testing.assert_allclose(errors, np.abs(axes[:, 1]) * 0.5, rtol=1e-3)
    np.testing.assert_allclose(standard_errors(np.eye(2) * 4, curves=10**6), 0.0005, rtol=1e-3)
