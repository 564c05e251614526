"""The rate as a function of activity about a baseline: its limits, its slope, its smoothness."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import saturating_rate

GRADIENT = jax.vmap(jax.grad(saturating_rate), in_axes=(0, None))


@pytest.mark.usefixtures("x64")
def test_the_two_branches():
    x = np.linspace(-60, 300, 37)
    expected = np.where(x < 0, 20 * np.tanh(0.7 * x / 20), 80 * np.tanh(0.7 * x / 80))
    np.testing.assert_allclose(saturating_rate(x, 0.7), expected, rtol=1e-14)
    np.testing.assert_allclose(
        saturating_rate(x, 0.7, 5.0, 6.0), np.where(x < 0, 5 * np.tanh(0.14 * x), np.tanh(0.7 * x)), rtol=1e-14
    )


def test_rates_stay_between_zero_and_the_largest():
    rates = 20 + saturating_rate(jnp.array([-jnp.inf, -1e6, 1e6, jnp.inf]), 3.0)
    assert rates.tolist() == [0, 0, 100, 100]
    assert jnp.isfinite(GRADIENT(jnp.array([-1e6, 0.0, 1e6]), 3.0)).all()


@pytest.mark.usefixtures("x64")
def test_the_slope_at_baseline_is_the_gain_from_both_sides():
    np.testing.assert_allclose(GRADIENT(jnp.array([-1e-9, 0.0, 1e-9]), 1.3), 1.3, rtol=1e-15)


@pytest.mark.usefixtures("x64")
def test_gradient_in_activity_and_gain_meets_finite_differences():
    h = 1e-5
    for x, g in ((-30.0, 1.2), (-2.0, 0.5), (4.0, 2.0), (90.0, 1.0)):
        dx, dg = jax.grad(saturating_rate, argnums=(0, 1))(x, g)
        in_x = (saturating_rate(x + h, g) - saturating_rate(x - h, g)) / (2 * h)
        in_g = (saturating_rate(x, g + h) - saturating_rate(x, g - h)) / (2 * h)
        # h^2 / 6 times third derivatives, below 2 |x|^3 / r0^2 = 135, and rounding of the order 1e-15 80 / h.
        np.testing.assert_allclose((dx, dg), (in_x, in_g), atol=2e-8)


def test_gains_are_one_a_cell_or_one_for_all():
    x = jnp.ones((5, 3))
    rates = saturating_rate(x, jnp.array([0.0, 1.0, 2.0]))
    assert rates.shape == (5, 3)
    np.testing.assert_array_equal(rates[:, 1], saturating_rate(x)[:, 1])
    assert float(rates[0, 0]) == 0
