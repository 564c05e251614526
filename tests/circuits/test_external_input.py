"""Contrast responses, differences between cells, and expression, against their equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits.external_input import expression_levels, heterogeneous, relative_contrast_response

CONTRASTS = np.array([0.0, 3.0, 12.0, 50.0, 100.0])


@pytest.mark.parametrize(("n", "h"), [(None, None), (2.0, None), (None, 20.0), (1.7, 20.0)])
def test_contrast_counts_as_naka_and_rushton_say_and_is_what_it_is_at_full(x64, n, h):
    values = [None if v is None else jnp.array(v) for v in (n, h)]
    found = np.asarray(relative_contrast_response(CONTRASTS, *values)) * CONTRASTS
    exponent = 1 if n is None else n
    response = CONTRASTS**exponent / (CONTRASTS**exponent + h**exponent) if h else CONTRASTS**exponent
    np.testing.assert_allclose(found, 100 * response / response[-1], rtol=1e-12)


def test_without_saturation_is_the_limit_of_a_late_one(x64):
    late = relative_contrast_response(CONTRASTS, jnp.array(1.5), jnp.array(1e12))
    np.testing.assert_allclose(late, relative_contrast_response(CONTRASTS, jnp.array(1.5), None), rtol=1e-10)


def test_the_response_to_contrast_has_the_derivatives_of_differences(x64):
    def total(n, h):
        n, h = jnp.asarray(n, float), jnp.asarray(h, float)
        return (jnp.cos(jnp.arange(5.0)) * relative_contrast_response(CONTRASTS, n, h)).sum()

    slopes = jax.grad(total, argnums=(0, 1))(1.7, 20.0)
    for slope, (dn, dh) in zip(slopes, ((1e-5, 0), (0, 1e-5)), strict=True):
        numerical = (total(1.7 + dn, 20 + dh) - total(1.7 - dn, 20 - dh)) / 2e-5
        assert float(slope) == pytest.approx(float(numerical), rel=1e-7)


def test_heterogeneous_input_is_scaled_cell_by_cell():
    external, zeta = np.arange(1.0, 13).reshape(2, 6), np.linspace(-1, 1, 6)
    found = heterogeneous(jnp.array(external), jnp.array([0.1, 0.5]), jnp.array(zeta))
    np.testing.assert_allclose(found, external * (1 + np.repeat([0.1, 0.5], 3) * zeta), rtol=1e-6)


def test_expression_has_mean_one_and_the_variation_asked_for():
    n, cv = 100_000, 0.4
    levels = np.asarray(expression_levels(jnp.array(cv), jax.random.normal(jax.random.key(0), (n,))), float)
    w = 1 + cv**2
    fourth = cv**4 * (w**4 + 2 * w**3 + 3 * w**2 - 3)
    assert levels.min() > 0
    assert abs(levels.mean() - 1) < 5 * cv / np.sqrt(n)
    assert abs(levels.var() - cv**2) < 5 * np.sqrt((fourth - cv**4) / n)
