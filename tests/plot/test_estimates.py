"""Intervals, correlations and combinations of an inference."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.errors import UserError
from tuneful.plot import estimates

NAN = float("nan")


def table(values, sides, truth=None):
    names = [f"p{i}" for i in range(len(values))]
    about = {
        "value": values, "interval": sides, "identified": ["yes"] * len(values), "why": [""] * len(values),
        "truth": truth, "entries": names,
    }  # fmt: skip
    matrix = np.full((len(values),) * 2, NAN).tolist()
    return {
        "parameters": {"<b>$J": about},
        "correlation": {"names": names, "matrix": matrix},
        "combinations": [{"standard_deviation": s} for s in (0.0, 1e3)],
    }


def test_intervals_are_over_the_estimate():
    axes = estimates.intervals(table([2.0, 4.0], [[1.0, 3.0], [2.0, NAN]], [2.0, 8.0]), ax=Figure().add_subplot())
    bars = [line for line in axes.lines[1:] if len(line.get_xdata()) == 2]  # but for the estimate itself
    assert [bar.get_xdata()[1] for bar in bars] == [0.5, 1.5, 0.5, estimates.WIDEST]
    assert [bar.get_linestyle() for bar in bars] == ["-", "-", "-", ":"]
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize(
    ("sides", "named"),
    [
        ([1.8, 2.2], ["0.7", "1", "1.5"]),
        ([0.5, 2.2], ["0.5", "1", "2"]),
        ([0.2, 9.0], ["0.1", "0.2", "0.5", "1", "2", "5", "10"]),
    ],
)
def test_narrow_and_wide_intervals_have_numbers_on_their_axis(sides, named):
    axes = estimates.intervals(table([2.0], [sides]), ax=Figure().add_subplot())
    assert [text.get_text() for text in axes.get_xticklabels()] == named


@pytest.mark.parametrize("paint", [estimates.intervals, estimates.correlations, estimates.combinations])
def test_hostile_names_and_unknown_numbers_are_drawn(paint):
    figure = Figure()
    paint(table([2.0, 4.0], [[NAN, NAN], [1e-9, 1e9]]), ax=figure.add_subplot())
    figure.draw_without_rendering()


def test_without_a_positive_estimate_there_is_nothing_to_show():
    with pytest.raises(UserError, match="No estimate is positive"):
        estimates.intervals(table([-2.0], [[-3.0, -1.0]]), ax=Figure().add_subplot())
