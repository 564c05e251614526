"""Linear transients: against the matrix exponential at every time, and the energies that they must have."""

import numpy as np
import pytest
from scipy.linalg import expm

from tuneful.circuits import random_network
from tuneful.networks.linear_dynamics import linear_transients
from tuneful.networks.scalars import preferred_states

W = random_network(30, 0, radius=0.8).weights
A = W - np.eye(30)


@pytest.mark.parametrize("times", [np.linspace(0, 3, 31), np.array([0.2, 0.2, 0.5, 2.0])], ids=["regular", "any"])
def test_activity_is_that_of_the_matrix_exponential(times):
    states = np.random.default_rng(0).normal(size=(30, 2))
    activity = linear_transients(W, states, times)
    # Steps that count as the same differ by 1e-12 of the last time: x is off by |A x| times it, 1e-11 with rounding.
    np.testing.assert_allclose(activity, [expm(A * t) @ states for t in times], atol=1e-11)
    np.testing.assert_array_equal(linear_transients(W, states[:, 0], times).shape, (len(times), 30))


def test_energy_of_the_transient_after_a_preferred_state():
    """2 int |x|^2 dt, by Simpson's rule on a fine grid, is the eigenvalue of the Gramian."""
    from scipy.integrate import simpson

    energies, states = preferred_states(W)
    times = np.linspace(0, 150, 15001)
    norms = np.sum(linear_transients(W, states[:, :3], times) ** 2, axis=1)
    # Simpson's error is h^4 / 180 times the fourth derivative, of the order (2 |A|)^4 with |A| about 2: 1e-8 in all.
    np.testing.assert_allclose(2 * simpson(norms, x=times, axis=0), energies[:3], rtol=1e-6)


@pytest.mark.parametrize(
    ("states", "times", "message"),
    [
        (np.zeros(3), np.zeros(1), "States have shape"),
        (np.zeros((30, 2, 2)), np.zeros(1), "States have shape"),
        (np.zeros(30), np.array([1.0, 0.5]), "in order"),
        (np.zeros(30), np.array([-1.0]), "in order"),
        (np.zeros(30), np.array([np.nan]), "in order"),
    ],
)
def test_bad_arguments(states, times, message):
    with pytest.raises(ValueError, match=message):
        linear_transients(W, states, times)
