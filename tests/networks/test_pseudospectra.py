"""Pseudospectra: against singular values, normal matrices and the growth that they bound."""

import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks import kreiss_bound, pseudospectral_abscissa, pseudospectrum
from tuneful.networks.peak import peak_amplification
from tuneful.networks.pseudospectra import CHUNK

W = random_network(60, 0, radius=5.0).weights


def by_svd(weights, points):
    shifted = points[..., None, None] * np.eye(len(weights)) - weights
    return np.linalg.svd(shifted, compute_uv=False)[..., -1]


def grid(left, right, height, count):
    return np.linspace(left, right, count) + 1j * np.linspace(-height, height, count)[:, None]


@pytest.mark.parametrize("tolerance", [0.01, 1e-6])
def test_within_the_tolerance_of_the_singular_value_and_never_below(tolerance):
    points = grid(-8, 8, 8, 16)
    excess = pseudospectrum(W, points, tolerance) / by_svd(W, points) - 1
    # Rounding of both: 1e-16 ||W|| / sigma, with ||W|| below 20 and sigma above 1e-3 here.
    assert by_svd(W, points).min() > 1e-3
    assert excess.min() > -1e-11
    assert excess.max() < tolerance / 2  # some sigma^-2 is within the tolerance, and the smallest is found


@pytest.mark.parametrize("n", [1, 2, 3, 24, 25, 26, 51])
def test_any_number_of_cells(n):
    weights = np.random.default_rng(n).normal(size=(n, n))
    points = np.array([0.3 + 0.1j, -2.0, 5j])
    np.testing.assert_allclose(pseudospectrum(weights, points, 1e-8), by_svd(weights, points), rtol=1e-8)


def test_any_number_of_points():
    points = np.linspace(-6, 6, CHUNK + 1) + 0.5j
    values = pseudospectrum(W, points)
    np.testing.assert_allclose(pseudospectrum(W, points[-1:]), values[-1:], rtol=1e-6)
    np.testing.assert_allclose(pseudospectrum(W, points.conj()), values, rtol=1e-2)
    assert pseudospectrum(W, np.empty((0, 3))).shape == (0, 3)


def test_normal_matrices_have_the_distance_to_the_nearest_eigenvalue():
    antisymmetric = np.triu(np.random.default_rng(0).normal(size=(30, 30)), 1)
    antisymmetric -= antisymmetric.T
    eigenvalues = np.linalg.eigvals(antisymmetric)
    points = grid(-2, 2, 12, 9)
    nearest = np.abs(points[..., None] - eigenvalues).min(axis=-1)
    np.testing.assert_allclose(pseudospectrum(antisymmetric, points, 1e-6), nearest, rtol=1e-6)


def test_at_an_eigenvalue_it_is_zero_to_rounding():
    eigenvalues = np.linalg.eigvals(W)
    assert pseudospectrum(W, eigenvalues).max() < 1e-13 * np.linalg.norm(W, 2)
    assert pseudospectrum(2 * np.eye(3), np.array([2.0]))[0] < 1e-15
    assert pseudospectrum(np.zeros((3, 3)), np.array([0.0]))[0] < 1e-15


def test_what_overflows_is_zero():
    """A long chain: sigma is below 1e-150 in the whole disc of radius 1."""
    chain = np.diag(np.full(299, 4.0), 1)
    values = pseudospectrum(chain, np.array([0.0, 1e-3, 0.5, 1j, 4.5]))
    assert (values[:4] == 0).all()
    assert values[4] == pytest.approx(by_svd(chain, np.array([4.5]))[0], rel=5e-3)


def test_kreiss_bounds_the_peak_from_below():
    weights = W * 0.9 / np.linalg.eigvals(W).real.max()
    points = 1 + np.geomspace(0.01, 30, 60) + 1j * np.linspace(-2, 2, 9)[:, None]
    bound = kreiss_bound(points, pseudospectrum(weights, points))
    assert 1 < bound <= peak_amplification(weights).norm
    assert kreiss_bound(points - 40, np.ones(points.shape)) == 1  # nothing right of the axis, nothing learned


@pytest.mark.parametrize("eps", [1e-6, 0.01, 0.3, 2.0, 50.0])
def test_abscissa_of_a_chain(eps):
    """sigma_min(z - W) = eps on the circle |z|^2 = eps^2 + c eps, by the sum and product of both singular values."""
    chain = np.array([[0.0, 8.0], [0.0, 0.0]]) - np.eye(2)
    # Crossings are told from near misses at 1e-7 ||W||, and a relative 1e-7 of eps is what that can change.
    assert pseudospectral_abscissa(chain, eps) == pytest.approx(np.sqrt(eps**2 + 8 * eps) - 1, abs=2e-6)


def test_abscissa_of_a_normal_matrix_grows_with_eps():
    spread = np.diag([-3.0, 1.0, 0.5])
    rotation = np.kron(np.eye(2), np.array([[0.0, 2.0], [-2.0, 0.0]])) - 0.5 * np.eye(4)
    for matrix, abscissa in ((spread, 1.0), (rotation, -0.5)):
        for eps in (1e-3, 0.1, 4.0):
            assert pseudospectral_abscissa(matrix, eps) == pytest.approx(abscissa + eps, abs=1e-6)


@pytest.mark.parametrize("eps", [0.01, 0.1, 1.0])
def test_abscissa_is_where_the_pseudospectrum_ends(eps):
    """Nothing lies right of it, and it is reached: on a fine grid of heights, within its curvature."""
    edge = pseudospectral_abscissa(W, eps)
    heights = np.linspace(0, 8, 4001)
    assert pseudospectrum(W, edge + 1e-5 + 1j * heights, 1e-5).min() > eps
    assert pseudospectrum(W, edge - 1e-3 + 1j * heights, 1e-5).min() < eps


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="eps"):
        pseudospectral_abscissa(W, 0.0)
    with pytest.raises(ValueError, match="1 of the points"):
        pseudospectrum(W, np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="tolerance"):
        pseudospectrum(W, np.array([0.0]), tolerance=0.0)
    with pytest.raises(ValueError, match="shape"):
        pseudospectrum(W[:3], np.array([0.0]))
    with pytest.raises(ValueError, match="not finite"):
        pseudospectrum(np.full((2, 2), np.inf), np.array([0.0]))


@pytest.mark.parametrize("points", ["a", None, [np.nan], [1e300]])
def test_points_that_are_none(points):
    with pytest.raises(ValueError, match="points"):
        pseudospectrum(W, points)
    with pytest.raises(ValueError, match="points"):
        kreiss_bound(points, np.ones(1))


@pytest.mark.parametrize("eps", ["1", None, 0, 1e300, 1e-300, np.nan])
def test_sizes_of_perturbations_that_are_none(eps):
    with pytest.raises(ValueError, match="eps must be"):
        pseudospectral_abscissa(W, eps)
