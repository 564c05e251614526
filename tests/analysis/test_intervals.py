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
