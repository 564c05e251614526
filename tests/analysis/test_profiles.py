"""Profiles of a quadratic loss, whose ends are those of Wald's intervals."""

import dataclasses

import numpy as np

from tuneful.analysis.intervals import wald
from tuneful.analysis.profiles import POINT, look_at, next_place, profile_intervals


def profiled(problem, minimum, level=0.9):
    rows = np.zeros((0, POINT + 4))
    while (place := next_place(problem.coordinates, minimum, rows, level)) is not None:
        rows = np.vstack([rows, look_at(problem, minimum, rows, place)])
    return rows, profile_intervals(problem, minimum, rows, level)


def test_ends_of_a_quadratic_loss_are_those_of_wald(quadratic):
    """The third and fourth are weakly known: the profile goes farther there, and finds the same."""
    minimum = quadratic.minimum()
    rows, found = profiled(quadratic, minimum)
    expected = wald(quadratic.coordinates, minimum.point, minimum.covariance, 0.9)
    np.testing.assert_allclose(np.log(found.low), np.log(expected.low), atol=0.01)
    np.testing.assert_allclose(np.log(found.high), np.log(expected.high), atol=0.01)
    assert list(found.identified) == list(expected.identified)
    assert (rows[:, POINT - 1] == 1).all()


def test_a_side_on_which_networks_do_not_settle_is_open(quadratic):
    """And the other one is not: the region ends before the loss has risen."""
    narrow = dataclasses.replace(quadratic, edge=0.02)
    _, found = profiled(narrow, quadratic.minimum())
    assert np.isnan(found.high[0])
    assert np.isfinite(found.low[0])
    assert found.identified[0] == "no"
    assert found.not_bounded[:3] == ["not bounded above by these data", "", ""]


def test_a_side_on_which_the_loss_never_rises_is_open(quadratic):
    """Noise of the data so large that a factor of ten is not told apart."""
    minimum = quadratic.minimum()
    noisy = dataclasses.replace(minimum, scores=100 * minimum.scores)
    rows, found = profiled(quadratic, noisy)
    assert np.isnan([found.low, found.high]).all()
    assert set(found.identified) == {"no"}
    assert set(found.not_bounded) == {"not bounded on either side by these data"}
    assert rows[:, 2].max() == np.float64(np.log(10))


def test_what_a_fit_measures_from_others_is_held_in_its_own_units(following):
    """A loss that is quadratic in its distance from them: ends are Wald's where J is known well."""
    minimum = following.minimum()
    rows, found = profiled(following, minimum)
    expected = wald(following.coordinates, minimum.point, minimum.covariance, 0.9)
    about_phi_l = rows[rows[:, 0] == 3]
    own = following.coordinates.own(about_phi_l[:, POINT:])[:, 3]
    held = following.coordinates.own(minimum.point)[3] + 10 * about_phi_l[:, 1] * about_phi_l[:, 2]
    np.testing.assert_allclose(own, held, rtol=1e-4)
    for side in ("low", "high"):
        np.testing.assert_allclose(getattr(found, side), getattr(expected, side), rtol=0.05)
    np.testing.assert_allclose(found.deviation, expected.deviation, rtol=0.1)
