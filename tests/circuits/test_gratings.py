"""Gratings on a ring against their equation, and what is said of them."""

import numpy as np
import pytest

from tuneful.circuits.geometry import Ring
from tuneful.circuits.gratings import Gratings

RING = Ring(n_sites=12, period=180.0)
NOWHERE = np.zeros(2, bool)


def test_the_input_is_a_gaussian_of_the_shorter_way_around():
    shown = np.asarray(Gratings((10.0, 200.0), (20.0, 5.0)).at(RING, 25.0), float)
    for row, orientation, contrast in zip(shown, (10, 200), (20, 5), strict=True):
        away = np.min([abs(RING.grid - orientation + turn * 180) for turn in (-1, 0, 1, 2)], axis=0)
        np.testing.assert_allclose(row, contrast * np.exp(-(away**2) / (2 * 25**2)), rtol=1e-5)


def test_a_blank_reaches_no_cell():
    gratings = Gratings((10.0, 20.0), (0.0, 5.0))
    assert gratings.blank.tolist() == [True, False]
    assert not np.asarray(gratings.at(RING, 25.0))[0].any()


@pytest.mark.parametrize(
    ("gratings", "words"),
    [
        (Gratings((0.0, 180.0), (20.0,)), "Orientations 0 and 180 are the same on a ring of period 180: directions"),
        (Gratings((0.0, 90.0), (0.5,)), "All contrasts are at most 0.5: the circuit takes per cent"),
    ],
)
def test_gratings_that_are_seldom_meant_are_named(gratings, words):
    (sentence,) = gratings.doubts(180.0, NOWHERE)
    assert words in sentence


def test_gratings_that_are_meant_are_not():
    assert Gratings((0.0, 90.0), (20.0,)).doubts(180.0, NOWHERE) == []
    assert Gratings((0.0, 180.0), (20.0,)).doubts(360.0, NOWHERE) == []
    with pytest.raises(ValueError, match="Condition 1 has a contrast of -5"):
        Gratings((0.0, 90.0), (20.0, -5.0)).doubts(180.0, NOWHERE)
    with pytest.raises(ValueError, match=r"one value a condition, or one for all, not 2, 3: It\.crossed"):
        Gratings((0.0, 90.0), (1.0, 2.0, 3.0)).check("It")
