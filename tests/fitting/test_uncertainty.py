"""Standard errors: in the parameters' own units, and against the scatter of answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import SSN, FeedforwardM1
from tuneful.fitting.uncertainty import parameter_errors, sandwich
from tuneful.fitting.unconstrained import unconstrained_values


def test_errors_are_carried_to_own_units_and_said_in_words():
    """By the slopes of exp for positive parameters, and by the scale of free ones measured from another."""
    circuit = FeedforwardM1(grid=6, density=0.1, J=200.0)
    names = ("J", "dsigma", "sigma_l")
    estimate = unconstrained_values(circuit, names)
    found = parameter_errors(circuit, estimate, np.diag([0.1, 0.5, 3.0]) ** 2)
    assert found["J"]["standard_error"] == pytest.approx(0.1 * 200, rel=1e-5)
    assert found["sigma_l"]["standard_error"] == pytest.approx(3 * float(circuit.sigma_l), rel=1e-5)
    assert [found[name]["identified"] for name in names] == ["yes", "weakly", "no"]


def test_entries_of_a_matrix_have_each_their_own():
    circuit = SSN(n_sites=11)
    covariance = np.diag([0.01, 0.3, 0.1, 2.0]) ** 2
    found = parameter_errors(circuit, unconstrained_values(circuit, ("J",)), covariance)["J"]
    np.testing.assert_allclose(
        found["standard_error"], np.sqrt(np.diag(covariance)).reshape(2, 2) * circuit.J, rtol=1e-5
    )
    assert found["identified"] == [["yes", "weakly"], ["yes", "no"]]


def test_a_direction_without_curvature_is_not_known():
    """By chance it may even be negative."""
    assert sandwich(np.diag([4.0, -0.1]), np.eye(2))[1, 1] > 1e6
    assert jnp.isfinite(jax.device_get(sandwich(np.diag([4.0, 0.0]), np.eye(2)))).all()
