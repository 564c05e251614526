"""Standard errors in own units, and what is left open; their scatter over answers is in `test_refinement`."""

import numpy as np
import pytest

from tuneful.circuits import SSN, FeedforwardM1
from tuneful.fitting.uncertainty import parameter_errors, sandwich
from tuneful.fitting.unconstrained import unconstrained_values


def test_errors_are_carried_to_own_units_and_said_in_words():
    """By the slopes of exp: these parameters are positive."""
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


@pytest.mark.parametrize("flat", [-0.1, 0.0, 0.15])
def test_a_direction_whose_curvature_is_not_resolved_is_left_open(flat):
    """The most negative curvature tells the sampling error of all: .15 is not above twice .1."""
    found = sandwich(np.diag([-0.1 if flat else 0.0, flat, 4.0]), np.eye(3))
    np.testing.assert_allclose(found, np.diag([1.0, 1.0, 1 / 16]))


def test_a_parameter_measured_from_others_is_judged_in_own_units():
    """phi_l follows J density / 2 = 10 Hz: 30 % of that are 3 Hz, .3 of the size of its change."""
    circuit = FeedforwardM1(grid=6, density=0.1, J=200.0)
    estimate = unconstrained_values(circuit, ("J", "phi_l"))
    found = parameter_errors(circuit, estimate, np.diag([0.3, 0.01]) ** 2)["phi_l"]
    assert found["standard_error"] == pytest.approx(np.hypot(3, 0.1), rel=1e-4)
    assert found["identified"] == "weakly"


def test_what_is_bounded_by_assumption_only_is_not_identified():
    """A direction that is not resolved has a part of .3 in one entry, and of .1 in another."""
    circuit = SSN(n_sites=11)
    left_open = np.array([[0.3], [0.1], [0.0], [0.95]])
    found = parameter_errors(circuit, unconstrained_values(circuit, ("J",)), left_open @ left_open.T, left_open)["J"]
    assert found["identified"] == [["no", "yes"], ["yes", "no"]]
