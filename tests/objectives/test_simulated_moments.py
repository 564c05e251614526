"""Squared distances of means over realisations: their curvature and its sampling, in loops."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.objectives.simulated_moments import gauss_newton, of_realisations, sampling_of


def test_cells_of_one_realisation_count_as_their_mean():
    values = jnp.arange(12.0).reshape(6, 2)
    np.testing.assert_allclose(of_realisations(values, 3), [[2.0, 3.0], [8.0, 9.0]])


def test_curvature_is_that_of_a_sum_of_squares_with_and_without_what_realisations_have_in_common_with_themselves(x64):
    moved, weight = jax.random.normal(jax.random.key(0), (5, 4, 2)), jnp.array([1.0, 1, 0, 1, 1])
    deviation = jax.random.normal(jax.random.key(1), (7, 4))
    kept = np.asarray(moved)[[0, 1, 3, 4]]
    slopes = kept.mean(axis=0)
    np.testing.assert_allclose(gauss_newton(moved, weight), 2 * slopes.T @ slopes, rtol=1e-12)
    found = sampling_of(moved, weight, deviation)
    pairs = [2 * a.T @ b for a, b in itertools.permutations(kept, 2)]
    np.testing.assert_allclose(found.curvature, np.mean(pairs, axis=0), rtol=1e-10)
    by_unit = [-2 * row @ slopes for row in np.asarray(deviation)]
    np.testing.assert_allclose(found.noise, sum(np.outer(b, b) for b in by_unit) / 49, rtol=1e-12)
