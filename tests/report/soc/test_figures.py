"""Figures of a stabilised circuit."""

import numpy as np
import pytest

from tuneful.networks import random_network
from tuneful.report.soc import figures


def test_eigenvalues_all_lie_within_their_panel():
    before, after = (np.linalg.eigvals(random_network(50, seed).weights).astype(complex) for seed in (0, 1))
    left, right, top = figures.whole_plane(before, after)
    for spectrum in (before, after):
        assert (spectrum.real > left).all()
        assert (spectrum.real < right).all()
        assert (abs(spectrum.imag) < top).all()
    assert right > 1
    assert (right - left) / (2 * top) == pytest.approx(figures.WIDTH_BY_HEIGHT)


def test_large_matrices_are_averaged_over_blocks():
    weights = np.random.default_rng(0).normal(size=(403, 403))
    reduced = figures._reduced(weights)
    assert reduced.shape == (202, 202)
    assert reduced[0, 0] == pytest.approx(weights[:2, :2].mean())
    assert reduced[-1, -1] == pytest.approx(weights[402, 402])
    assert figures.robust_limit(weights) == pytest.approx(np.percentile(abs(reduced), 95))


def test_extreme_numbers_are_drawn():
    """Warnings are errors: logarithms and ratios stay within what can be drawn."""
    for target in (1e-300, 1e20):
        assert "svg" in figures.abscissa_figure(np.array([2.0, 1.0]), target)
    faint = np.full((4, 4), 1e-310)
    faint[0, 0] = 1.0
    assert np.isfinite(faint / figures.robust_limit(faint)).all()
