"""Transients of circuits."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.errors import UserError
from tuneful.plot import evoked

CHAIN = np.array([[0.0, 4.0], [0.0, 0.0]])  # feedforward: x_1 = 4 t exp(-t) after x_2 = 1


def test_norms_are_those_of_the_transients():
    """After the random state (a, b): (a + 4 b t)^2 + b^2, times exp(-2 t)."""
    axes = evoked.transients(CHAIN, ax=Figure().add_subplot())
    t = np.asarray(axes.lines[0].get_xdata())
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.exp(-t))
    a, b = np.random.default_rng(0).normal(size=2)
    norm = np.hypot(a + 4 * b * t, b) / np.hypot(a, b) * np.exp(-t)
    np.testing.assert_allclose(axes.lines[-1].get_ydata(), norm, rtol=1e-10)


def test_energies_and_activity_are_of_the_circuit():
    found = evoked.Evoked.of(CHAIN, [True, False])
    shown = evoked.energies(CHAIN, ax=Figure().add_subplot()).lines[0].get_ydata()
    np.testing.assert_array_equal(shown, found.energies)
    axes = evoked.activity(found, ax=Figure().add_subplot())
    assert axes.get_legend_handles_labels()[1] == ["excitatory", "inhibitory"]


def test_transients_that_do_not_end_are_refused():
    for paint in (evoked.energies, evoked.activity, evoked.transients):
        with pytest.raises(UserError, match="stable"):
            paint(np.array([[2.0, 0.0], [0.0, 0.0]]), ax=Figure().add_subplot())
