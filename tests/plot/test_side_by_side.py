"""Runs beside each other, each in its row."""

import numpy as np
from matplotlib.figure import Figure

from tuneful.plot.side_by_side import Estimate, estimates

NAN = float("nan")


def test_points_bars_and_the_truth_are_where_the_numbers_are():
    found = [
        Estimate("a", 1.0, 0.5, 1.5, 1.2),
        Estimate("a long name of a run", 2.0, NAN, 3.0, 1.2),
        Estimate("c", NAN),
    ]
    axes = estimates(found, "J (Hz)", ax=Figure().add_subplot())
    points = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(points, [[1.0, 2], [2.0, 1], [NAN, 0]])
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 1.6]
    np.testing.assert_array_equal(bars, [[0.5, 1.5]])  # none of an open interval
    (truth,) = [line for line in axes.lines if len(line.get_xdata()) == 2 and set(line.get_xdata()) == {1.2}]
    assert truth.is_dashed()
    assert axes.get_xlim()[0] < 0.5
    assert axes.get_xlim()[1] > 3.0 - 1.0
    assert [text.get_text() for text in axes.get_yticklabels()][1] == "a long n…"


def test_nothing_finite_is_an_empty_panel():
    axes = estimates([Estimate("a", NAN)], "J", ax=Figure().add_subplot())
    assert axes.get_xlabel() == "J"
