"""Spectra and weights."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.errors import UserError
from tuneful.networks import random_network
from tuneful.plot import matrices


def test_eigenvalues_all_lie_within_their_panel():
    before, after = (np.linalg.eigvals(random_network(50, seed).weights).astype(complex) for seed in (0, 1))
    left, right, top = matrices.whole_plane(before, after)
    for spectrum in (before, after):
        assert (spectrum.real > left).all()
        assert (spectrum.real < right).all()
        assert (abs(spectrum.imag) < top).all()
    assert right > 1
    assert (right - left) / (2 * top) == pytest.approx(matrices.WIDTH_BY_HEIGHT)


def test_large_matrices_are_averaged_over_blocks():
    weights = np.random.default_rng(0).normal(size=(403, 403))
    reduced = matrices.reduced(weights)
    assert reduced.shape == (202, 202)
    assert reduced[0, 0] == pytest.approx(weights[:2, :2].mean())
    assert reduced[-1, -1] == pytest.approx(weights[402, 402])
    assert matrices.robust_limit(weights) == pytest.approx(np.percentile(abs(reduced), 95))


def test_faint_weights_have_finite_colours():
    faint = np.full((4, 4), 1e-310)
    faint[0, 0] = 1.0
    assert np.isfinite(faint / matrices.robust_limit(faint)).all()


def test_a_circuit_and_its_weights_are_drawn_alike():
    network = random_network(20, 0)
    shown = (network, None), (network.weights, network.excitatory)
    one, other = (matrices.weights(*about, ax=Figure().add_subplot()).images[0].get_array() for about in shown)
    np.testing.assert_array_equal(one, other)
    eigenvalues = np.linalg.eigvals(network.weights)
    for shown in (network, network.weights, eigenvalues):
        drawn = matrices.spectrum(shown, ax=Figure().add_subplot()).lines[-1].get_xdata()
        np.testing.assert_array_equal(drawn, eigenvalues.real)


@pytest.mark.parametrize("wrong", [np.ones((2, 3)), "weights", [[np.nan]], None, np.zeros((0, 0))])
def test_what_is_no_matrix_is_refused(wrong):
    with pytest.raises(UserError, match="square matrix"):
        matrices.weights(wrong, ax=Figure().add_subplot())
