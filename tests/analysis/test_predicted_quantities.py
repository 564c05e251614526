"""What is predicted of a circuit: a toy, and a linear pair of populations, both in closed form."""

import dataclasses
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.predicted_quantities import QUANTITIES, PredictedQuantities, types_of
from tuneful.circuits import AbstractRecurrentCircuit, Observation, Positive, Response, observed, parameter
from tuneful.fitting.problem import Problem
from tuneful.objectives import EnergyDistance, Measured

RATES = (5.0, 10.0)
W = np.array([[0.5, -2.0], [2.0, -1.0]])


@final
class Pair(AbstractRecurrentCircuit):
    """Rates r = (1 - W)^-1 (u + extra) of one E and one I cell, W_EE = a + z, z uniform on [0, 1]: E is recorded."""

    label = "pair"

    a: jax.Array = parameter(symbol="a", unit="1", constraint=Positive(), default=0.5, meaning="excitation")
    inputs: tuple[float, ...] = eqx.field(static=True, default=RATES)
    settles: bool = eqx.field(static=True, default=True)

    @property
    def network_types(self):
        return np.array(["E", "I"])

    @property
    def at_recorded_places(self):
        return np.array([True, True])

    def draw(self, key):
        return jax.random.uniform(key)

    def _weights(self, z):
        return jnp.asarray(W, jnp.float32).at[0, 0].set(self.a + z)

    def respond(self, z, extra=None):
        external = jnp.array([self.inputs] * 2, jnp.float32) + (0.0 if extra is None else extra[:, None])
        rates = jnp.linalg.solve(jnp.eye(2) - self._weights(z), external)
        return Response(rates[:1], jnp.array(self.settles), jnp.zeros(()), rates)

    def jacobian(self, z, all_rates):
        return jnp.broadcast_to(self._weights(z) - jnp.eye(2), (all_rates.shape[1], 2, 2))

    def conditions(self):
        return {"input": np.array(self.inputs)}

    def at_conditions(self, features):
        return dataclasses.replace(self, inputs=tuple(features["input"].tolist()))

    @classmethod
    def example(cls):
        return cls()


def quantities(circuit, statistics=(), present=2, **changes):
    features = circuit.conditions()
    n = len(next(iter(features.values())))
    problem = Problem(circuit, EnergyDistance(), Measured.from_rates(np.ones((2, n))), ("a",))
    return PredictedQuantities(problem, ("",), statistics, features, n, present, **{"curves": 24} | changes)


def test_curves_of_a_circuit_in_closed_form(toy):
    """Rates a (r + b size), r exponential: the mean is a (1 + b size), the spread a."""
    n = 1200
    found = quantities(toy, ("max_rate",), 1, curves=n)(toy, jax.random.key(0))
    a, b = float(toy.a), float(toy.b)
    assert found["rate_mean"][0] == pytest.approx(a * (1 + b * np.array(toy.sizes)), abs=4 * a / np.sqrt(n))
    # the variance of a variance of exponentials is 8 / n of its square, so that of a spread is 2 / n
    assert found["rate_spread"][0] == pytest.approx(a * np.ones(3), abs=4 * a * np.sqrt(2 / n))
    assert found["statistic_mean"] == [[pytest.approx(found["rate_mean"][0][0])]]  # of the one present condition
    assert found["settled"] == 1
    assert set(found) == {"rate_mean", "rate_spread", "statistic_mean", "settled"}
    assert types_of(toy) == []


@pytest.fixture(scope="module")
def found():
    return quantities(Pair(), networks=400, inputs={"I": 0.5})(Pair(), jax.random.key(0))


def test_inhibition_stabilises_where_excitation_is_above_one(found):
    """W_EE = .5 + z is above 1 in half of the realisations."""
    assert found["inhibition_stabilised"] == pytest.approx(0.5 * np.ones(2), abs=4 * 0.5 / np.sqrt(400))
    assert found["networks_settled"] == 1


def test_input_to_inhibition_lowers_it_where_it_stabilises(found):
    """(1 - W)^-1 of a pair has the entry (1 - W_EE) / det for I to I: below zero in the same realisations."""
    linear, full, lowered = (
        np.asarray(found[name])[:, 0] for name in ("linear_response", "full_response", "lowered")
    )
    assert full == pytest.approx(linear, rel=1e-4)  # a linear network; float32
    # of d = W_EE - 1, uniform on [-.5, .5]: a fall .5 d / (4 - 2 d) counts above .01, where d > .08 / 1.04
    share = 0.5 - 0.08 / 1.04
    assert lowered[1] == pytest.approx(share * np.ones(2), abs=4 * np.sqrt(share * (1 - share) / 400))
    assert lowered[0].tolist() == [1.0, 1.0]
    z = np.linspace(0, 1, 1001) + 0.5
    determinant = (1 - z) * (1 + 1.0) + 4.0
    # a mean over 400 of what is uniform, more or less, over the range
    expected, spread = 0.5 * ((1 - z) / determinant), 0.5 * np.ptp((1 - z) / determinant) / np.sqrt(12 * 400)
    assert linear[1] == pytest.approx(expected.mean() * np.ones(2), abs=4 * spread)


def test_every_number_has_a_name(found):
    asked = quantities(Pair(), networks=400, inputs={"I": 0.5})
    for name, values in found.items():
        assert len(asked.names(name)) == np.size(values), name
        assert len(QUANTITIES[name].along) == np.ndim(values), name
    assert asked.names("full_response")[1] == "response of E to input to I at input = 10"
    assert asked.names("rate_mean") == ["mean rate at input = 5", "mean rate at input = 10"]


def test_a_layer_of_observation_is_no_part_of_the_dynamics():
    assert types_of(observed(Pair(), Observation(gain=0.5))) == ["E", "I"]


def test_where_nothing_settles_there_is_nothing_to_be_said():
    lost = Pair(settles=False)
    found = quantities(lost, ("max_rate",), networks=2, inputs={"I": 0.5})(lost, jax.random.key(0))
    assert found["settled"] == found["networks_settled"] == 0
    assert all(np.isnan(found[name]).all() for name in found if "settle" not in name)
