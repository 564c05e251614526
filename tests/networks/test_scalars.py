"""Scalars of a circuit: against integration in time, SciPy and closed forms."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm, solve_continuous_lyapunov

from tuneful.circuits import random_network
from tuneful.networks.scalars import (
    circuit_scalars,
    ei_correlation,
    evoked_energy,
    gramians,
    henrici_index,
    numerical_abscissa,
    preferred_states,
    spontaneous_covariance,
    structural_scalars,
)

NETWORK = random_network(30, 0, radius=0.8)
W, TYPES = NETWORK.weights, NETWORK.excitatory
A = W - np.eye(30)


def test_gramians_are_scipys():
    reached, seen = gramians(W)
    np.testing.assert_allclose(reached, solve_continuous_lyapunov(A, -2 * np.eye(30)), atol=1e-12)
    np.testing.assert_allclose(seen, solve_continuous_lyapunov(A.T, -2 * np.eye(30)), atol=1e-12)


def test_evoked_energy_is_the_energy_of_the_transient():
    state = np.random.default_rng(0).normal(size=30)
    integral, error = quad(lambda t: 2 * np.sum((expm(A * t) @ state) ** 2), 0, 150, limit=200, epsabs=1e-9)
    assert evoked_energy(W, state) == pytest.approx(integral, abs=10 * max(error, 1e-9))


def test_preferred_states_evoke_their_energies():
    energies, states = preferred_states(W)
    assert (np.diff(energies) <= 0).all()
    np.testing.assert_allclose([evoked_energy(W, s) for s in states.T], energies, rtol=1e-10)
    np.testing.assert_allclose(states.T @ states, np.eye(30), atol=1e-12)


def test_normality():
    antisymmetric = np.triu(np.ones((6, 6)), 1)
    assert henrici_index(antisymmetric - antisymmetric.T) == pytest.approx(0, abs=1e-7)
    assert numerical_abscissa(antisymmetric - antisymmetric.T) == pytest.approx(-1)
    nilpotent = np.eye(6) + np.diag(np.ones(5), 1)
    assert henrici_index(nilpotent) == pytest.approx(1)
    growth = (np.linalg.norm(expm(A * 1e-6), 2) - 1) / 1e-6
    assert numerical_abscissa(W) == pytest.approx(growth, abs=1e-4)  # second order: |A|^2 1e-6


def test_ei_correlation_of_simulated_activity():
    """Spontaneous activity of the exact discretisation, over many time constants."""
    network = random_network(8, 1, density=0.9, radius=0.25)
    weights, types = network.weights, network.excitatory
    covariance = spontaneous_covariance(weights)
    step = expm((weights - np.eye(8)) * 0.2)
    kick = np.linalg.cholesky(covariance - step @ covariance @ step.T)
    rng = np.random.default_rng(0)
    x, samples = np.linalg.cholesky(covariance) @ rng.normal(size=(8, 400)), []
    for _ in range(400):
        x = step @ x + kick @ rng.normal(size=x.shape)
        samples.append(x)
    activity = np.stack(samples).transpose(1, 0, 2).reshape(8, -1)
    inputs = [(weights * cells) @ activity for cells in (types, ~types)]
    measured = [np.corrcoef(e, i)[0, 1] for e, i in zip(*inputs, strict=True)]
    # 400 runs of 80 time constants: at least 8,000 independent samples, five standard errors are 5 / sqrt(8000).
    np.testing.assert_allclose(ei_correlation(weights, types), measured, atol=0.056)


def test_scalars_collect_the_functions():
    scalars = circuit_scalars(W, TYPES)
    assert scalars.abscissa == pytest.approx(np.linalg.eigvals(W).real.max())
    assert scalars.amplified_directions == (np.linalg.eigvalsh(gramians(W)[1]) > 1).sum()
    assert scalars.excitatory_abscissa == pytest.approx(np.linalg.eigvals(W[:15, :15]).real.max())


def test_unstable_circuits_are_refused():
    with pytest.raises(ValueError, match="abscissa is 1"):
        gramians(1.5 * np.eye(2))


def test_structural_scalars_need_no_stability():
    """They are those of the whole list where the circuit is stable, and there where it is not."""
    scalars = circuit_scalars(W, TYPES)
    structure = structural_scalars(W, TYPES)
    assert structure == {name: getattr(scalars, name) for name in structure}
    assert scalars.excitatory_density == pytest.approx(np.count_nonzero(W[:, :15]) / (15 * 30))
    assert scalars.inhibitory_density == pytest.approx(np.count_nonzero(W[:, 15:]) / (15 * 30))
    unstable = structural_scalars(10 * W, TYPES)
    assert unstable["abscissa"] == pytest.approx(10 * structure["abscissa"])
    with pytest.raises(ValueError, match="not stable"):
        circuit_scalars(10 * W, TYPES)


def test_cells_without_one_of_the_inputs_do_not_count_in_the_mean():
    weights, types = np.array([[0.0, -1.0], [1.0, -1.0]]), np.array([True, False])
    assert circuit_scalars(weights, types).ei_correlation == ei_correlation(weights, types)[1]
    assert np.isnan(circuit_scalars(np.diag([0.5, -1.0]), types).ei_correlation)
