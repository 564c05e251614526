"""Responses: what follows from rates, and names."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import Response

RATES = jnp.arange(12.0).reshape(2, 2, 3)  # realisations, cells, conditions
SETTLED, RESIDUAL = jnp.array([True, False]), jnp.zeros(2)


def test_without_other_cells_the_recorded_ones_are_all():
    response = Response(RATES, SETTLED, RESIDUAL)
    np.testing.assert_array_equal(response.all_rates, RATES)
    assert response.largest_rate.tolist() == [5, 11]


@pytest.mark.parametrize("name", ["all_rates", "network"])
def test_all_rates_have_an_earlier_name(name):
    response = Response(RATES, SETTLED, RESIDUAL, **{name: 2 * RATES})
    np.testing.assert_array_equal(response.all_rates, 2 * RATES)
    again = dataclasses.replace(response, **{name: 3 * RATES})
    np.testing.assert_array_equal(again.all_rates, 3 * RATES)
    np.testing.assert_array_equal(again.rates, RATES)


def test_what_did_not_settle_or_is_not_finite_is_not_accepted():
    assert Response(RATES, SETTLED, RESIDUAL).accepted.tolist() == [True, True, False, False]
    broken = RATES.at[0, 1, 2].set(jnp.nan)
    assert not Response(broken, SETTLED, RESIDUAL).accepted.any()
    assert Response(RATES, SETTLED, RESIDUAL).curves.shape == (4, 3)
