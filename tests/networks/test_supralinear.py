"""The input-output functions against their equations written in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.networks.supralinear import power_law, saturating_power_law

K, N, R0, R1 = 0.01, 2.2, 200.0, 1000.0
V0 = (R0 / K) ** (1 / N)
INPUTS = np.concatenate([np.linspace(-50, 500, 1101), [-1e300, -1e-300, 0, 1e-300, 1e-12, 1e4, 1e300]])


def saturating(u):
    return saturating_power_law(u, K, N, R0, R1)


def slope(f, u):
    return jax.vmap(jax.grad(f))(jnp.asarray(u))


def test_power_law_and_its_slope_are_those_of_numpy(x64):
    u = INPUTS[np.abs(INPUTS) < 1e100]
    positive = np.maximum(u, 0)
    # exp(n log u) loses n log(u) <= 21 times the rounding of log u.
    np.testing.assert_allclose(power_law(jnp.asarray(u), K, N), K * positive**N, rtol=1e-14)
    slopes = slope(lambda v: power_law(v, K, N), u)
    np.testing.assert_allclose(slopes, K * N * positive ** (N - 1), rtol=1e-14, atol=1e-300)


def test_saturation_and_its_slope_are_equation_14(x64):
    steepness = N * R0 / (R1 - R0)
    above = R0 + (R1 - R0) * np.tanh(steepness * (INPUTS - V0) / V0)
    power = K * np.clip(INPUTS, 0, V0) ** N
    np.testing.assert_allclose(saturating(jnp.asarray(INPUTS)), np.where(INPUTS <= V0, power, above), rtol=1e-13)
    with np.errstate(over="ignore"):
        above = N * R0 / V0 / np.cosh(np.minimum(steepness * (INPUTS - V0) / V0, 700)) ** 2
    power = K * N * np.clip(INPUTS, 0, V0) ** (N - 1)
    # tanh' = 1 - tanh^2 cancels: rounding of 1 times the slope at V0.
    exact = np.where(INPUTS < V0, power, above)
    np.testing.assert_allclose(slope(saturating, INPUTS), exact, rtol=1e-12, atol=4e-16 * N * R0 / V0)


def test_rate_and_slope_are_continuous_where_saturation_begins(x64):
    assert float(saturating(V0)) == pytest.approx(R0, rel=1e-14)
    around = V0 + np.array([-1e-6, 1e-6])
    rates, slopes = saturating(jnp.asarray(around)), slope(saturating, around)
    # Over 2e-6 the rate changes by 2e-6 times the slope n r0 / V0, the slope by 2e-6 times its own derivative.
    assert float(rates[1] - rates[0]) == pytest.approx(2e-6 * N * R0 / V0, rel=1e-6)
    assert float(slopes[0]) == pytest.approx(N * R0 / V0, rel=1e-7)
    assert float(slopes[1]) == pytest.approx(float(slopes[0]), rel=1e-7)
    assert float(slope(saturating, [V0])[0]) == pytest.approx(N * R0 / V0, rel=1e-12)


@pytest.mark.parametrize("f", [saturating, lambda u: power_law(u, K, N)], ids=["saturating", "power law"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nothing_comes_out_below_zero_not_even_a_slope(x64, f, dtype):
    u = jnp.asarray([-np.inf, -1e30, -1.0, -1e-30, 0.0], dtype)
    rates, slopes = f(u), slope(f, u)
    assert rates.dtype == slopes.dtype == dtype
    assert not np.asarray(rates).any()
    assert not np.asarray(slopes).any()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rates_rise_from_zero_to_the_ceiling(x64, dtype):
    u = jnp.asarray(np.geomspace(1e-3, 1e5, 400), dtype)
    rates = np.asarray(saturating(u))
    assert (np.diff(rates) >= 0).all()
    assert (rates > 0).all()
    # The power law at V0 is exp(n log V0), off by the rounding of n log V0 = 10.
    precision = float(20 * np.finfo(dtype).eps)
    assert rates[-1] == pytest.approx(R1, rel=precision)
    assert float(saturating(jnp.asarray(np.inf, dtype))) == pytest.approx(R1, rel=precision)
    assert np.isfinite(np.asarray(slope(saturating, u))).all()


def test_without_saturation_the_power_law_goes_on(x64):
    below = jnp.linspace(0, V0, 50)
    # Both evaluate the same expression below V0, and the hyperbolic tangent adds exactly nothing.
    np.testing.assert_array_equal(saturating(below), power_law(below, K, N))
    assert float(power_law(10 * V0, K, N)) == pytest.approx(10**N * R0, rel=1e-13)
    assert float(saturating(10 * V0)) < R1 < float(power_law(10 * V0, K, N))
