"""One nonlinear network: the gradient of its stability has the movement of the steady state in it."""

from functools import partial

import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks.rate_network import RateNetwork
from tuneful.networks.supralinear import saturating_power_law

GAIN = partial(saturating_power_law, k=0.04, n=2.0, r0=100.0, r1=200.0)
TAU = (20.0, 10.0)
INPUTS = 10 + 2 * np.random.default_rng(3).normal(size=(2, 30))
SLOW = random_network(30, 0, density=0.4, radius=2.0, gamma=1.0)  # settles, with an abscissa above -0.02


def plain_gain(u):
    """The saturating power law once more, in NumPy."""
    v0 = (100 / 0.04) ** 0.5
    above = 100 + 100 * np.tanh(2 * 100 / 100 * (u - v0) / v0)
    return np.where(u > v0, above, 0.04 * np.maximum(u, 0) ** 2)


def plain_abscissae(weights, rates, external):
    """Eigenvalues of the Jacobian by central differences."""
    tau = np.repeat(TAU, 15)
    found = []
    for r, i in zip(rates, external, strict=True):
        h = 1e-5 * np.eye(30)
        slope = np.stack([plain_gain(weights @ (r + d) + i) - plain_gain(weights @ (r - d) + i) for d in h], 1) / 2e-5
        found.append(np.linalg.eigvals((slope - np.eye(30)) / tau[:, None]).real.max())
    return np.array(found)


def test_the_gradient_has_the_movement_of_the_steady_state():
    network = RateNetwork(GAIN, INPUTS, np.repeat(TAU, 15), 100.0)
    weights = SLOW.weights
    rates = network.from_rest(weights)
    direction = np.random.default_rng(0).normal(size=(30, 30)) * (weights != 0)

    def excess(w, target=-0.04):
        return network.smoothed(w, network.follow(w, rates), 1e-3, target)[0]

    value, gradient, abscissae = network.smoothed(weights, rates, 1e-3, -0.04)
    assert value > 0
    np.testing.assert_allclose(abscissae, plain_abscissae(weights, rates, INPUTS), rtol=0, atol=1e-6)
    h = 1e-6
    numerical = (excess(weights + h * direction) - excess(weights - h * direction)) / (2 * h)
    # Rates to 1e-11 Hz over steps of 1e-6, and a curvature that is 1e3 times the slope at most.
    assert np.vdot(gradient, direction) == pytest.approx(numerical, rel=1e-4)
    fixed = (network.smoothed(weights + h * direction, rates, 1e-3, -0.04)[0] - value) / h
    assert abs(fixed - numerical) > 0.01 * abs(numerical)  # the movement is not negligible
