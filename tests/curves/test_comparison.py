"""Distances against SciPy, and the critical value and the floor against what they are by definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from tuneful.curves import DatasetError, compare, critical_value, floor, ks_distance, seen_through

CONDITIONS = {"size": np.array([0.5, 1.0, 2.0, 4.0])}
NAMES = ["suppression_index", "max_rate", "rate"]
SAMPLES = st.lists(st.integers(-5, 5) | st.floats(-5, 5) | st.just(np.nan), max_size=30)  # with ties


def curves(n, seed, scale=10.0):
    return np.random.default_rng(seed).exponential(scale, (n, 4))


@given(a=SAMPLES, b=SAMPLES)
def test_ks_distance_agrees_with_scipy(a, b):
    a, b = np.array(a, dtype=float), np.array(b, dtype=float)
    a_left, b_left = a[~np.isnan(a)], b[~np.isnan(b)]
    if len(a_left) and len(b_left):
        with np.errstate(divide="ignore"):  # scipy's p-value, which is not what is compared
            expected = ks_2samp(a_left, b_left, method="asymp")[0]
        assert ks_distance(a, b) == pytest.approx(expected, abs=1e-12)
    else:
        assert np.isnan(ks_distance(a, b))


def test_critical_value():
    assert critical_value(293, 100) == pytest.approx(0.157, abs=5e-4)  # the line of the 2017 paper
    assert np.isnan(critical_value(0, 10))


def test_one_distribution_stays_below_the_line_in_95_percent():
    rng, n, m, repeats = np.random.default_rng(0), 150, 100, 2000
    below = np.mean(
        [ks_distance(rng.normal(size=n), rng.normal(size=m)) < critical_value(n, m) for _ in range(repeats)]
    )
    # The line is asymptotic and the distance discrete, so the test errs on the safe side by up to 1 %.
    error = np.sqrt(0.95 * 0.05 / repeats)
    assert 0.95 - 3 * error < below < 0.96 + 3 * error


def test_floor_is_the_expected_distance_of_two_halves():
    # For a continuous statistic, sqrt(n m / (n + m)) KS has mean sqrt(pi/2) ln 2 = 0.8687 asymptotically.
    n = 400
    found = floor(curves(n, 0), CONDITIONS, "max_rate", seed=1)
    expected = 0.8687 * np.sqrt(2 / (n / 2))
    # Standard deviation of the limit: 0.2603; 100 splits of one set. Finite n lowers the mean by < 4 %.
    error = 0.2603 / 0.8687 * expected / np.sqrt(100)
    assert 0.96 * expected - 3 * error < found < expected + 3 * error
    assert floor(curves(n, 0), CONDITIONS, "max_rate", seed=1) == found
    assert floor(curves(n, 0), CONDITIONS, "max_rate", seed=2) != found


def test_floor_needs_a_split():
    with pytest.raises(DatasetError, match="n_splits is 0"):
        floor(curves(4, 0), CONDITIONS, "rate", seed=0, n_splits=0)


@given(n=st.integers(0, 40), m=st.integers(1, 12), seed=st.integers(0, 99))
def test_seen_through_gives_every_mask_equally_often(n, m, seed):
    model = curves(n, seed)
    masks = (np.arange(m)[:, None] >> np.arange(4)) % 2 == 1  # all different below 16
    seen = seen_through(model, masks, np.random.default_rng(seed))
    code = (~np.isnan(seen)) @ (1 << np.arange(4))
    counts = np.bincount(code, minlength=m)
    assert len(counts) == m
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(seen[~np.isnan(seen)], model[~np.isnan(seen)])


def test_compare_reports_every_statistic():
    model, data = curves(300, 0), curves(120, 1)
    data[0] = 0  # silent: no suppression index
    result = compare(model, data, CONDITIONS, NAMES, seed=0)
    assert list(result) == NAMES
    assert (result["suppression_index"].n_data, result["max_rate"].n_data) == (119, 120)
    assert result["rate"].n_model == 300  # curves, not measurements
    assert result["rate"].critical_value == critical_value(120, 300)
    assert result["max_rate"].ks == pytest.approx(ks_2samp(model.max(axis=1), data.max(axis=1))[0])
    assert all(found.ks < found.critical_value for found in result.values())
    assert compare(curves(300, 0, scale=30), data, CONDITIONS, NAMES, seed=0)["rate"].ks > 0.3


def test_compare_sees_the_model_through_the_gaps_of_the_data():
    # Half of the data lack the two conditions where every curve fires most; only masked alike do both agree.
    model, data = (curves(400, seed) * [1, 1, 5, 5] for seed in (0, 1))
    data[::2, 2:] = np.nan
    result = compare(model, data, CONDITIONS, ["max_rate"], seed=0)["max_rate"]
    assert result.ks < result.critical_value
    assert ks_distance(model.max(axis=1), np.nanmax(data, axis=1)) > 2 * result.critical_value


def test_compare_depends_on_the_seed_and_on_nothing_else():
    model, data = curves(50, 0), curves(40, 1)
    data[::2, 0] = np.nan
    first = compare(model, data, CONDITIONS, NAMES, seed=3)
    assert compare(model, data, CONDITIONS, NAMES, seed=3) == first
    assert compare(model, data, CONDITIONS, NAMES, seed=4) != first
    assert compare(model, data, CONDITIONS, ["rate"], seed=3)["rate"] == first["rate"]


def test_the_floor_may_come_from_other_curves():
    model, data, more = curves(50, 0), curves(40, 1), curves(400, 2)
    few = compare(model, data, CONDITIONS, ["max_rate"], seed=0)["max_rate"]
    many = compare(model, data, CONDITIONS, ["max_rate"], seed=0, floor_rates=more)["max_rate"]
    assert many.floor < few.floor
    assert many.ks == few.ks


def test_compare_needs_curves():
    with pytest.raises(DatasetError, match="0 model curves, 5 measured"):
        compare(np.empty((0, 4)), curves(5, 0), CONDITIONS, NAMES, seed=0)
