"""Bins of the distributions."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.curves import DatasetError, compute, features, make_dataset
from tuneful.errors import UserError
from tuneful.plot import histograms

NAN = float("nan")
SIZES = np.array([0.5, 1.0, 2.0, 4.0, 6.0])


def curves(n, seed, scale=8.0):
    return make_dataset(np.random.default_rng(seed).gamma(1.5, scale, (n, 5)), {"size": SIZES})


def test_histograms_are_densities_over_shared_bins():
    sides = {"data": curves(30, 0), "start": curves(40, 1, 20.0), "model": curves(40, 2)}
    for name in ("suppression_index", "max_rate", "preferred_size", "rate"):
        values = histograms.samples(name, sides)
        bins = histograms.shared_bins(values)
        assert bins is not None
        for kind in ("data", "model"):
            total = (bins.heights(values[kind].ravel()) * np.diff(bins.edges)).sum()
            np.testing.assert_allclose(total + bins.beyond(values[kind]), 1)


def test_histogram_bins_hold_equally_many_levels_of_a_lattice():
    levels = np.arange(28) / 27
    bins = histograms.shared_bins({"data": np.tile(levels, 10), "start": levels, "model": np.tile(levels, 10)})
    assert bins is not None
    np.testing.assert_allclose(bins.heights(levels), bins.heights(levels)[0])


def test_few_distinct_values_are_categories():
    values = np.repeat([0.5, 1.0, 6.0], [10, 20, 10])
    bins = histograms.shared_bins({"data": values, "start": values, "model": values})
    assert bins is not None
    np.testing.assert_allclose(bins.heights(values), [0.25, 0.5, 0.25])


def test_samples_see_generated_curves_through_the_gaps_of_the_data():
    measured, generated = curves(2, 0), curves(40, 1)
    measured["rate"].values[:, 3] = NAN
    values = histograms.samples("rate", {"data": measured, "model": generated})
    assert np.isnan(values["model"]).all(axis=0).tolist() == [i == 3 for i in range(5)]
    np.testing.assert_array_equal(values["data"], compute("rate", measured["rate"].values, features(measured)))


def test_a_distribution_says_how_far_the_model_is():
    """Two sets without overlap are at distance 1; three against three give the 5 % line 1.358 (6 / 9)^(1/2)."""
    low, high = (make_dataset(np.full((3, 2), rate), {"size": [1, 2]}) for rate in (1.0, 9.0))
    axes = histograms.distribution("max_rate", low, high, ax=Figure().add_subplot())
    assert axes.get_title(loc="right") == f"KS 1.000, 5 % line {1.358 * (6 / 9) ** 0.5:.3f}"
    names = axes.get_legend_handles_labels()[1]
    assert names == ["data", "model"]


@pytest.mark.parametrize("name", ["max_rat", "r2"])
def test_statistics_that_cannot_be_had_are_refused(name):
    with pytest.raises(DatasetError):
        histograms.distribution(name, curves(3, 0), ax=Figure().add_subplot())


def test_curves_of_which_nothing_is_defined_are_refused():
    silent = make_dataset(np.zeros((3, 5)), {"size": SIZES})
    with pytest.raises(UserError, match="undefined for all"):
        histograms.distribution("suppression_index", silent, ax=Figure().add_subplot())
