"""Responses: what follows from rates, and names; and what circuits show of themselves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import SSN, FeedforwardM1, Response

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


def test_a_circuit_shows_its_parameters_and_what_is_not_default():
    shown = repr(FeedforwardM1(J=12.5, grid=6))
    assert shown == "<FeedforwardM1: sigma_l=0.3, dsigma=3, J=12.5, phi_l=0, dphi=2; grid=6>"
    assert repr(SSN()).endswith("sigma=[[0.6667, 0.2], [1.333, 0.2]]>")
    assert "witness" not in SSN(n_sites=3)._repr_html_()


def test_a_circuit_that_is_traced_shows_itself():
    shown = []
    jax.eval_shape(lambda circuit: shown.append((repr(circuit), circuit._repr_html_())), FeedforwardM1())
    assert "float32[]" in shown[0][0]
    assert len(shown[0][0]) < 500


def test_a_circuit_is_a_table_in_a_notebook():
    page = FeedforwardM1(stimuli=np.eye(3), noise=0.5)._repr_html_()
    assert "<td>sigma_l</td><td>0.3</td>" in page
    assert "stimuli=[[1, 0, 0], [0, 1, 0], [0, 0, 1]]" in page


def test_a_sample_is_compiled_once_for_all_keys_and_parameters(monkeypatch):
    draws = []
    draw = FeedforwardM1.draw
    monkeypatch.setattr(FeedforwardM1, "draw", lambda self, key: draws.append(key) or draw(self, key))
    circuit = FeedforwardM1(grid=5, density=0.11)
    first, again = circuit.sample(0, 2), circuit.sample(0, 2)
    traced = len(draws)
    other = circuit.with_values({"J": 2 * circuit.J}).sample(1, 2)
    assert 0 < traced == len(draws)
    np.testing.assert_array_equal(first.rates, again.rates)
    assert not np.array_equal(first.rates, other.rates)
