"""Steps within a radius, against what defines them."""

import numpy as np
import pytest

from tuneful.fitting.trust_region import inverse, newton_step, trust_region_step


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(5, 5)) * np.geomspace(1, 1e-3, 5)[:, None]
    return rng.normal(size=5), factor.T @ factor


@pytest.mark.parametrize("radius", [1e-3, 0.1, 10.0])
def test_no_step_within_the_radius_promises_more(model, radius):
    gradient, metric = model
    step = trust_region_step(gradient, metric, radius)
    assert np.linalg.norm(step) <= radius * (1 + 1e-9)
    directions = np.random.default_rng(1).normal(size=(2000, 5))
    lengths = radius * np.random.default_rng(2).uniform(size=2000) ** 0.2
    others = directions / np.linalg.norm(directions, axis=1)[:, None] * lengths[:, None]
    promised = others @ gradient + np.einsum("ka,ab,kb->k", others, metric, others) / 2
    assert gradient @ step + step @ metric @ step / 2 <= promised.min()


def test_a_minimum_inside_is_reached(model):
    gradient, metric = model
    step = trust_region_step(gradient, metric, 1e9)
    np.testing.assert_allclose(step, newton_step(gradient, metric))
    np.testing.assert_allclose(metric @ step, -gradient, atol=1e-6)
    np.testing.assert_allclose(step, -inverse(metric) @ gradient)


@pytest.mark.parametrize("seed", range(20))
def test_without_any_curvature_steps_lead_downhill_to_the_edge(seed):
    """Where rates vanish, so does what they say of the curvature; the shift then decides alone, to rounding."""
    rng = np.random.default_rng(seed)
    gradient, radius = 1e-3 * rng.normal(size=28), 0.15
    step = trust_region_step(gradient, np.zeros((28, 28)), radius)
    np.testing.assert_allclose(step, -radius * gradient / np.linalg.norm(gradient), rtol=1e-8)


def test_directions_without_curvature_are_followed_to_the_edge():
    """Neither divided by zero nor taken for the steep side of a hill."""
    step = trust_region_step(np.array([1.0, 1e-3]), np.diag([1.0, 0.0]), 2.0)
    assert np.linalg.norm(step) == pytest.approx(2)
    assert step[1] < 0
    assert np.isfinite(trust_region_step(np.ones(2), np.zeros((2, 2)), 1.0)).all()
    assert not trust_region_step(np.zeros(2), np.eye(2), 1.0).any()
