"""Tuning curves: errors, gaps, units that are asked for."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.plot import tuning

NAN = float("nan")
SIZES = [1.0, 4.0, 16.0]


def drawn(*arguments, **options):
    figure = Figure()
    axes = tuning.curves(*arguments, ax=figure.add_subplot(), **options)
    figure.draw_without_rendering()
    return axes


def test_bars_are_standard_errors_over_trials():
    """(variance / trials)^(1/2); none where either is not known."""
    about = {"rate_var": [[4.0, 9.0, NAN]], "n_trials": [[16, 4, 4]]}
    data = make_dataset([[5.0, 6.0, 7.0]], {"size": SIZES}, **about)
    np.testing.assert_array_equal(tuning.standard_errors(data), [[0.5, 1.5, NAN]])
    (bars,) = drawn(data, "u0").collections
    ends = [segment[:, 1].tolist() for segment in bars.get_segments() if len(segment)]
    assert ends[:2] == [[4.5, 5.5], [4.5, 7.5]]
    assert not drawn(data.drop_vars("n_trials"), "u0").collections


def test_the_model_is_the_nearest_curve():
    data = make_dataset([[5.0, 6.0, NAN], [1.0, 1.0, 1.0]], {"size": SIZES})
    model = make_dataset([[9.0, 9.0, 9.0], [5.0, 6.5, 1.0]], {"size": SIZES})
    axes = drawn(data, 0, model=model)
    np.testing.assert_array_equal(axes.lines[-1].get_ydata(), [5.0, 6.5, 1.0])
    assert axes.get_legend_handles_labels()[1] == ["measured", "nearest generated"]
    assert len(axes.patches) == 1  # what was not measured


@pytest.mark.parametrize("units", ["u7", 5, -4, "", ["u0", "u9"]])
def test_units_that_are_not_there_are_refused(units):
    data = make_dataset(np.ones((3, 3)), {"size": SIZES})
    with pytest.raises(UserError, match="There is no unit"):
        drawn(data, units)


def test_empty_datasets_are_refused():
    with pytest.raises(UserError, match="empty"):
        drawn(make_dataset(np.ones((1, 3)), {"size": SIZES}).isel(unit=[]))


ODD = {"one": [[1.0]], "gaps": [[NAN, NAN, 1.0]], "silent": np.zeros((5, 3)), "below": [[-3.0, 1.0, 0.0]]}


@pytest.mark.parametrize("rates", ODD.values(), ids=ODD)
def test_odd_curves_are_drawn(rates):
    rates = np.asarray(rates, float)
    data = make_dataset(np.ones(rates.shape), {"size": SIZES[: rates.shape[1]]}, rate_unit="a.u.")
    data["rate"].values[:] = rates
    axes = drawn(data, model=data)
    low, high = axes.get_ylim()
    assert low <= min(0, np.nanmin(rates))
    assert high > np.nanmax(rates)


def test_hostile_names_are_text():
    """On axes of somebody's own, dollar signs would be formulas; warnings and errors of these fail the test."""
    data = make_dataset(np.ones((2, 3)), {"size": SIZES}, unit_labels=["$x_{", r"\frac{<b>"])
    data["size"].attrs["units"] = "$^"
    axes = drawn(data)
    axes.legend()
    axes.figure.draw_without_rendering()
