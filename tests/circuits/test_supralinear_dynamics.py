"""Supralinear dynamics against an integration by SciPy, and what they refuse. Derivatives: tests of the circuits."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tuneful.circuits.supralinear_dynamics import SupralinearDynamics, response_of
from tuneful.solvers import Status, SteadyState

TAU = np.array([16.0, 2.0, 5.0])


def test_the_steady_state_is_where_the_dynamics_end(x64):
    rng = np.random.default_rng(0)
    weights = rng.random((3, 3)) * np.array([[0.5], [-0.7], [-0.4]])  # rows pre-synaptic
    external = np.array([[10.0, 12.0, 4.0], [30.0, 22.0, 14.0]])
    dynamics = SupralinearDynamics(TAU, 0.01, 2.2, True, 200.0, 1000.0)
    found = dynamics.steady_state((jnp.array(weights), jnp.array(external)))
    assert found.settled.all()
    for rates, drive in zip(np.asarray(found.rates), external, strict=True):
        change = lambda _, r, drive=drive: (0.01 * np.maximum(weights.T @ r + drive, 0) ** 2.2 - r) / TAU  # noqa: E731
        end = solve_ivp(change, (0, 2000), np.zeros(3), method="LSODA", rtol=1e-10, atol=1e-12).y[:, -1]
        np.testing.assert_allclose(rates, end, rtol=1e-7)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"k": 0.0}, "k must be positive, not 0.0"),
        ({"r1": 200.0}, r"r1 \(200.0\) must be above r0 \(200.0\)"),
        ({"time_constants": np.array([2.0, 0.0])}, "tau must be above 0, not 0"),
    ],
)
def test_constants_that_are_none_are_refused(changed, words):
    settings = {"time_constants": TAU, "k": 0.01, "n": 2.0, "saturating": True, "r0": 200.0, "r1": 1000.0}
    with pytest.raises(ValueError, match=words):
        SupralinearDynamics(**settings | changed).check()


def test_what_is_recorded_is_what_was_asked_for_and_no_rate_is_negative():
    rates, settled = jnp.array([[-1e-6, 1.0, 4.0], [0.0, 2.0, 5.0]]), jnp.array([True, False])
    status = jnp.array([Status.SETTLED, Status.MOVING])
    response = response_of(SteadyState(rates, settled, jnp.array([0.0, 3.0]), status, jnp.array(7)), np.array([2, 0]))
    np.testing.assert_array_equal(response.rates, [[4, 5], [0, 0]])
    np.testing.assert_array_equal(response.all_rates, [[0, 0], [1, 2], [4, 5]])
    assert (bool(response.settled), int(response.status), float(response.residual)) == (False, Status.MOVING, 3)
