"""The peak of the transients: closed forms, fine grids, and what is said where there is no certainty."""

import numpy as np
import pytest
from scipy.linalg import expm

from tuneful.circuits import random_network
from tuneful.networks import peak
from tuneful.networks.peak import TOLERANCE, peak_amplification, spectral_norm


def on_a_grid(weights, duration, steps):
    """The largest norm on a grid, and its time."""
    step, propagator = expm((weights - np.eye(len(weights))) * duration / steps), np.eye(len(weights))
    norms = [1.0]
    for _ in range(steps):
        propagator = step @ propagator
        norms.append(np.linalg.norm(propagator, 2))
    return max(norms), int(np.argmax(norms)) * duration / steps


def oscillator(decay, ratio):
    """Norms up to about sqrt(ratio), two turns of the state a period."""
    return np.array([[1 - decay, np.sqrt(ratio)], [-1 / np.sqrt(ratio), 1 - decay]])


@pytest.mark.parametrize("c", [2.1, 8.0, 1e5])
def test_two_cells_in_closed_form(c):
    """W = [[0, c], [0, 0]]: ||exp(At)|| = exp(-t + asinh(ct / 2)) is largest at t = sqrt(1 - 4 / c^2)."""
    time = np.sqrt(1 - 4 / c**2)
    found = peak_amplification(np.array([[0.0, c], [0.0, 0.0]]))
    assert found.norm == pytest.approx(np.exp(-time + np.arcsinh(c * time / 2)), rel=1e-9)
    assert found.time == pytest.approx(time, rel=1e-3)
    assert found.until == np.inf


@pytest.mark.parametrize("eps", [1e-3, 1e-6])
def test_a_slow_mode(eps):
    """One entry c (exp(-eps t) - exp(-2 eps t)) / eps outgrows all: c / (4 eps) at t = ln 2 / eps."""
    found = peak_amplification(np.array([[1 - eps, 8.0], [0.0, 1 - 2 * eps]]))
    assert found.norm == pytest.approx(2 / eps, rel=1e-6)
    assert found.time == pytest.approx(np.log(2) / eps, rel=1e-3)


def test_a_slow_mode_without_growth():
    assert peak_amplification(np.diag([1 - 1e-9, -4.0, 0.3])) == (1.0, 0.0, np.inf)


@pytest.mark.parametrize("n", [2, 3, 12, 40])
def test_chains_of_cells(n):
    """The longer, the later the peak."""
    chain = np.diag(np.full(n - 1, 3.0), 1)
    norm, time = on_a_grid(chain, 2 * n, 1000)
    found = peak_amplification(chain)
    assert found.norm == pytest.approx(norm, rel=1e-3)
    assert found.time == pytest.approx(time, abs=n / 200 + 0.01)
    assert found.until == np.inf


@pytest.mark.parametrize(
    ("weights", "duration"),
    [
        (oscillator(0.01, 100.0), 20.0),
        (np.kron(np.eye(2), oscillator(0.05, 50.0)) + np.diag([1.0, 1.0], 2), 80.0),  # many periods until it peaks
        (0.85 * random_network(20, 3, radius=1.0, density=0.5).weights, 40.0),
        (0.97 * np.triu(np.random.default_rng(0).normal(size=(15, 15))) / 2, 100.0),
    ],
)
def test_nothing_on_a_fine_grid_is_larger(weights, duration):
    weights = weights if np.linalg.eigvals(weights).real.max() < 1 else weights - 0.6 * np.eye(len(weights))
    found, (norm, _) = peak_amplification(weights), on_a_grid(weights, duration, 3000)
    assert norm / (1 + TOLERANCE) <= found.norm
    # What was found is reached: the norm at its time is no less.
    reached = np.linalg.norm(expm((weights - np.eye(len(weights))) * found.time), 2)
    assert reached == pytest.approx(found.norm, rel=1e-6)


def test_a_search_that_is_too_long_says_up_to_when_it_is_certain(monkeypatch):
    monkeypatch.setattr(peak, "EFFORT", 1e7)
    monkeypatch.setattr(peak, "LEAST_PRODUCTS", 0)
    weights = np.kron(np.eye(2), oscillator(0.01, 50.0)) + np.diag([1.0, 1.0], 2)
    found, (norm, time) = peak_amplification(weights), on_a_grid(weights, 400.0, 8000)
    assert 0 < found.until < time
    assert 0.5 * norm < found.norm <= norm * (1 + TOLERANCE)


@pytest.mark.parametrize("weights", [np.eye(2), np.array([[1.5]]), np.array([[1.0, 2.0], [-2.0, 1.0]])])
def test_without_stability_there_is_no_peak(weights):
    with pytest.raises(ValueError, match="have a peak only if it is below 1"):
        peak_amplification(weights)


def test_a_peak_beyond_all_numbers():
    with pytest.raises(ValueError, match="exceeds 1e308"):
        peak_amplification(np.diag(np.full(9, 1e40), 1))


def test_spectral_norms():
    matrix = np.random.default_rng(0).normal(size=(4, 7))
    assert spectral_norm(matrix) == pytest.approx(np.linalg.norm(matrix, 2))
    assert spectral_norm(matrix.T * 1e-300) == pytest.approx(np.linalg.norm(matrix, 2) * 1e-300)
    assert spectral_norm(np.zeros((2, 2))) == 0


def test_nearly_diagonal_matrices_have_norms():
    """The search for one eigenvalue alone fails on some of them."""
    faint = random_network(20, 0, density=0.3, radius=1e-20).weights
    assert peak_amplification(faint).norm == pytest.approx(1)
