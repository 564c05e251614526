"""Bins of the distributions."""

import numpy as np

from tuneful.report.fit import content, histograms

M1 = ("r2", "complexity", "rate", "coding_level")


def test_histograms_are_densities_over_shared_bins(fit_content):
    shown = fit_content()
    for name in M1:
        values = content.samples(shown, name)
        bins = histograms.shared_bins(values)
        assert bins is not None
        for kind in ("data", "end"):
            total = (bins.heights(values[kind].ravel()) * np.diff(bins.edges)).sum()
            np.testing.assert_allclose(total + bins.beyond(values[kind]), 1)


def test_histogram_bins_hold_equally_many_levels_of_a_lattice():
    levels = np.arange(28) / 27
    bins = histograms.shared_bins({"data": np.tile(levels, 10), "start": levels, "end": np.tile(levels, 10)})
    assert bins is not None
    np.testing.assert_allclose(bins.heights(levels), bins.heights(levels)[0])


def test_few_distinct_values_are_categories():
    values = np.repeat([0.5, 1.0, 6.0], [10, 20, 10])
    bins = histograms.shared_bins({"data": values, "start": values, "end": values})
    assert bins is not None
    np.testing.assert_allclose(bins.heights(values), [0.25, 0.5, 0.25])
