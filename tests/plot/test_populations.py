"""Mean and spread, and predictions."""

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from tuneful.curves import make_dataset
from tuneful.plot import populations
from tuneful.plot.feature_axes import FeatureAxis

NAN = float("nan")


def bars(axes):
    """The ends of vertical bars, one row a bar: place, low, high."""
    collections = [c for c in axes.collections if isinstance(c, LineCollection)]
    return [[(s[0][0], s[0][1], s[1][1]) for s in c.get_segments()] for c in collections]


def test_population_has_the_mean_and_the_range_of_the_cells():
    rates = np.random.default_rng(0).gamma(2.0, 5.0, (50, 3))
    rates[0, 1] = NAN
    axes = populations.population(make_dataset(rates, {"size": [1, 2, 8]}), ax=Figure().add_subplot())
    (found,) = bars(axes)
    for column, (_, low, high) in zip(rates.T, found, strict=True):
        known = column[~np.isnan(column)]
        assert (low, high) == (pytest.approx(np.quantile(known, 0.1)), pytest.approx(np.quantile(known, 0.9)))
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.nanmean(rates, axis=0), rtol=1e-12)


def test_data_and_model_are_told_apart():
    data, model = (make_dataset(np.full((4, 2), rate), {"size": [1, 2]}) for rate in (1.0, 3.0))
    axes = populations.population(data, model, ax=Figure().add_subplot())
    assert sorted(axes.get_legend_handles_labels()[1]) == ["data", "model"]
    assert any(isinstance(c, PolyCollection) for c in axes.collections)
    assert axes.get_ylim()[1] == pytest.approx(1.1 * 3.0)


ODD = {"gaps": np.full((2, 2), NAN), "silent": np.zeros((2, 2)), "one": np.ones((1, 2)), "below": [[-1.0, 2.0]]}


@pytest.mark.parametrize("rates", ODD.values(), ids=ODD)
def test_odd_populations_are_drawn(rates):
    data = make_dataset(np.ones((1, 2)), {"size": [1, 2]}, rate_unit="a.u.")
    shown = data.isel(unit=np.zeros(len(rates), int)).assign(rate=(("unit", "condition"), np.asarray(rates, float)))
    figure = Figure()
    populations.population(shown, shown, ax=figure.add_subplot())
    figure.draw_without_rendering()


def test_means_need_two_features():
    with pytest.raises(ValueError, match="cross two"):
        populations.means(make_dataset([[1.0, 2.0]], {"size": [1, 2]}), ax=Figure().add_subplot())


def test_prediction_shows_truth_and_data_where_they_are():
    model, data = (populations.Along(x, x, 2 * x, 3 * x) for x in (np.arange(1.0, 8.0), np.array([1.0, 3.0])))
    truth, new = populations.Along(*[np.array([2.0])] * 4), np.array([2.0, 4.0, 5.0])
    axis = FeatureAxis.of(make_dataset([[1.0, 2.0]], {"size": [1, 3]}), "size", new)
    for known, n_bars in ((truth, 2), (None, 1)):
        axes = populations.prediction(
            axis, {"model": model, "data": data, "truth": known}, new, ax=Figure().add_subplot()
        )
        assert [len(found) for found in bars(axes)] == [2, 1][:n_bars]
        assert bars(axes)[0] == [(1.0, 1.0, 3.0), (3.0, 3.0, 9.0)]
        triangles = [line for line in axes.lines if line.get_marker() == "^"]
        assert triangles[0].get_xdata().tolist() == [2, 4, 5]


def test_spread_is_the_median_and_the_10_to_90_percent_band():
    rates = np.random.default_rng(0).exponential(1.0, (200_000, 2))
    rates[:3, 0] = np.nan
    # Quantiles of an exponential are -log(1 - p); a standard error is sqrt(p / (1 - p) / n).
    expected = -np.log(1 - np.array(populations.SPREAD))[:, None]
    np.testing.assert_allclose(
        populations.spread(rates), np.repeat(expected, 2, axis=1), atol=4 * 3 / np.sqrt(200_000)
    )
    assert np.isnan(populations.spread(np.full((3, 2), np.nan))).all()
