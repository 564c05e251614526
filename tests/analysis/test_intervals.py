"""Intervals in own units, and sides that are left open."""

import numpy as np
import pytest

from tuneful.analysis.intervals import percentiles, quantile, wald


def test_intervals_of_positive_parameters_are_those_of_their_logarithms(quadratic):
    coordinates, deviations = quadratic.coordinates, np.array([0.1, 0.2, 0.5, 1.5])
    found = wald(coordinates, coordinates.answer, np.diag(deviations**2), 0.9)
    own = np.exp(coordinates.answer)
    np.testing.assert_allclose(found.low[:3], (own * np.exp(-1.6449 * deviations))[:3], rtol=1e-4)
    np.testing.assert_allclose(found.high[:3], (own * np.exp(1.6449 * deviations))[:3], rtol=1e-4)
    assert list(found.identified) == ["yes", "yes", "weakly", "no"]
    assert np.isnan([found.low[3], found.high[3]]).all()


def test_percentiles_are_those_of_draws_in_own_units(quadratic):
    """Quantiles of 20,000 normal draws: their standard error is 1.6 % of a deviation."""
    coordinates, deviations = quadratic.coordinates, np.array([0.1, 0.2, 0.05, 1.5])
    draws = coordinates.answer + deviations * np.random.default_rng(0).normal(size=(20_000, 4))
    found, expected = (
        percentiles(coordinates, draws, 0.9),
        wald(coordinates, coordinates.answer, np.diag(deviations**2), 0.9),
    )
    for side in ("low", "high"):
        apart = np.log(getattr(found, side)) - np.log(getattr(expected, side))
        assert (np.abs(apart[:3]) < 5 * 0.016 * deviations[:3]).all()
        assert np.isnan(apart[3])
    assert quantile(0.9) == pytest.approx(1.6448536)


def test_what_is_opened_is_not_identified(quadratic):
    coordinates = quadratic.coordinates
    found = wald(coordinates, coordinates.answer, 0.01 * np.eye(4), 0.9).opened(np.array([True, False, False, False]))
    assert list(found.identified) == ["no", "yes", "yes", "yes"]
    assert np.isnan(found.low).tolist() == [True, False, False, False]


def test_what_a_fit_measures_from_others_is_judged_as_it_is_read(following):
    """phi_l = J density / 2 - dphi / 2 + 10 Hz eta: its distance is known to .05, and J to 20 % of 40 Hz."""
    coordinates, covariance = following.coordinates, np.diag([0.2, 1e-3, 1e-3, 0.05]) ** 2
    found = wald(coordinates, coordinates.answer, covariance, 0.9)
    in_hz = np.hypot(0.2 * 40, 0.05 * 10)
    assert found.deviation[3] == pytest.approx(in_hz / 10, rel=1e-3)
    np.testing.assert_allclose(
        [found.low[3], found.high[3]], 20 + quantile(0.9) * in_hz * np.array([-1, 1]), rtol=1e-3
    )
    assert list(found.identified) == ["yes", "yes", "yes", "weakly"]
    draws = coordinates.answer + np.random.default_rng(0).normal(size=(4000, 4)) * np.sqrt(np.diag(covariance))
    by_draws = percentiles(coordinates, draws, 0.9)
    assert by_draws.deviation[3] == pytest.approx(in_hz / 10, rel=0.06)
    assert list(by_draws.identified) == list(found.identified)


def test_draws_beyond_all_numbers_are_counted_as_large(quadratic):
    """e^200 is infinite in float32, and nothing lies between two infinite draws; numpy would warn."""
    coordinates = quadratic.coordinates
    draws = coordinates.answer + 0.1 * np.random.default_rng(0).normal(size=(1000, 4))
    draws[:200, 0] = 200.0
    found = percentiles(coordinates, draws, 0.9)
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert list(found.identified) == ["no", "yes", "yes", "yes"]
