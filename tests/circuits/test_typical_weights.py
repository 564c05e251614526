"""Weights that nobody gave: those of 2017 for two types, and the same mean input for more."""

import numpy as np
import pytest

from tuneful.circuits import SSN
from tuneful.circuits.connectivity import Wiring
from tuneful.circuits.geometry import Line, Ring, Sheet
from tuneful.circuits.typical_weights import typical_weights

LINE = Line(201, 4.0)


def test_two_types_have_the_weights_of_2017():
    found = typical_weights(Wiring(("E", "I")), (1.0, -1.0), LINE, "uniform")
    for name in ("J", "dJ", "sigma"):
        np.testing.assert_array_equal(np.float32(found[name]), np.ravel(getattr(SSN(), name)))


@pytest.mark.parametrize("name", ["J", "dJ"])
def test_types_of_the_same_sign_receive_together_what_one_does(name):
    wiring, signs = Wiring(("A", "B", "C", "D"), ("A<-C", "D<-D")), (1.0, -1.0, -1.0, 1.0)
    found = typical_weights(wiring, signs, LINE, "uniform")[name]
    exact = np.asarray(getattr(SSN(), name), float)
    for post in range(4):
        for sign in (1, -1):
            total = sum(v for v, (a, b) in zip(found, wiring.present, strict=True) if a == post and signs[b] == sign)
            assert total == pytest.approx(exact[int(signs[post] < 0), int(sign < 0)], rel=1e-6)


@pytest.mark.parametrize(
    ("space", "factor"), [(Line(51, 4.0), 4), (Line(201, 8.0), 2), (Ring(67, 90.0), 3), (Sheet(5, 4.0), 9)]
)
def test_fewer_sites_have_the_mean_and_the_variance_of_many(space, factor):
    few, many = (typical_weights(Wiring(("E", "I")), (1.0, -1.0), s, "uniform") for s in (space, LINE))
    np.testing.assert_allclose(few["J"] + few["dJ"] / 2, factor * (many["J"] + many["dJ"] / 2))
    np.testing.assert_allclose(few["dJ"] ** 2, factor * many["dJ"] ** 2)


def test_weights_of_many_sites_stay_positive():
    many = typical_weights(Wiring(("E", "I")), (1.0, -1.0), Line(2001, 4.0), "uniform")
    assert (many["J"] > 0).all()
    np.testing.assert_allclose(many["J"] + many["dJ"] / 2, (np.ravel(SSN().J) + np.ravel(SSN().dJ) / 2) / 10)


def test_log_normal_weights_have_the_moments_of_uniform_ones():
    wiring = Wiring(("E", "I"))
    uniform, normal = (typical_weights(wiring, (1.0, -1.0), LINE, law) for law in ("uniform", "log-normal"))
    np.testing.assert_allclose(normal["J"], uniform["J"] + uniform["dJ"] / 2)
    np.testing.assert_allclose(normal["dJ"] ** 2, uniform["dJ"] ** 2 / 12)


def test_reach_is_in_the_unit_of_the_geometry():
    wiring = Wiring(("E", "I"))
    line, ring, sheet = (
        typical_weights(wiring, (1.0, -1.0), space, "uniform")["sigma"]
        for space in (LINE, Ring(201, 180.0), Sheet(9, 4.0))
    )
    np.testing.assert_allclose(ring, line * 180 / 8)
    np.testing.assert_allclose(sheet, np.maximum(line, 1.0))
