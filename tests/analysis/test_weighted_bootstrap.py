"""Replicates, where the minimum for given weights is known."""

import dataclasses

import jax
import numpy as np

from tuneful.analysis.weighted_bootstrap import Replicates, one_step, refitted

CLUSTERS = np.arange(400)


def test_draws_scatter_as_the_sandwich_says(quadratic):
    """2,000 draws: a standard deviation is known to 1.6 %, and exponential weights vary by a part of 1 / n less."""
    minimum = quadratic.minimum()
    draws = one_step(minimum, Replicates.drawn(minimum, jax.random.key(0), 2000))
    expected = np.sqrt(np.diag(minimum.covariance))
    np.testing.assert_allclose(draws.std(axis=0), expected, rtol=5 * 0.016)
    assert (np.abs(draws.mean(axis=0) - minimum.point) < 5 * expected / np.sqrt(2000)).all()


def test_a_refit_finds_the_minimum_for_its_weights(quadratic):
    """In one step or with looks: the loss is quadratic. Without the correction for few clusters, exactly."""
    minimum = quadratic.minimum()
    replicate = Replicates.drawn(minimum, jax.random.key(3), 1)
    moved = (replicate.cluster_weights[0] - 1) @ quadratic.influence / 400
    exact = minimum.point + moved - np.linalg.solve(minimum.curvature, replicate.tilt[0])
    found = refitted(quadratic, minimum, CLUSTERS, replicate, looks=4)
    np.testing.assert_allclose(found, exact, atol=1e-6)
    np.testing.assert_allclose(one_step(minimum, replicate)[0], exact, atol=2e-3 * np.abs(moved).max())
    assert np.abs(moved).max() > 0.05


def test_directions_that_are_not_resolved_are_drawn_of_one_unit(quadratic):
    flat = np.diag([4.0, 2.0, 9.0, 0.0])
    minimum = dataclasses.replace(quadratic.minimum(), curvature=flat)
    draws = one_step(minimum, Replicates.drawn(minimum, jax.random.key(1), 500))
    assert abs(draws[:, 3].std() - 1) < 5 / np.sqrt(2 * 500)


def test_the_same_key_draws_the_same(quadratic):
    minimum = quadratic.minimum()
    asked = (1, 0), (1, 0), (2, 0), (1, 1)
    drawn = [Replicates.drawn(minimum, jax.random.key(seed), 1, number).cluster_weights for seed, number in asked]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).all()
    assert (drawn[0] != drawn[3]).all()
