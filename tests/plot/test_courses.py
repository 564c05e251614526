"""Numbers over the steps."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.plot import courses, style

NAN = float("nan")


def test_lines_of_long_fits_are_thinned():
    kept = courses.thinned([{"step": s} for s in range(20_000)])
    assert (kept[0]["step"], kept[-1]["step"], len(kept)) == (0, 19_999, style.MOST_POINTS)


@pytest.mark.parametrize("target", [1e-300, 1e20, -0.5])
def test_extreme_abscissae_are_drawn(target):
    """Warnings are errors: logarithms and ratios stay within what can be drawn."""
    figure = Figure()
    courses.abscissa(np.array([2.0, 1.0]), target, ax=figure.add_subplot())
    figure.draw_without_rendering()


def test_what_is_not_known_is_not_drawn():
    figure = Figure()
    lines = [{"step": 0, "loss": NAN}, {"step": 1, "loss": None}]
    assert not courses.has_course(lines, "loss")
    courses.step_course(lines, "loss", ax=figure.add_subplot())
    courses.distance_course([{"step": 0, "statistics": {"rate": NAN}}], "rate", ax=figure.add_subplot())
    figure.draw_without_rendering()


def test_the_axis_of_distances_holds_the_levels():
    axes = Figure().add_subplot()
    told = [{"step": s, "statistics": {"rate": 0.1 * s}} for s in range(3)]
    courses.distance_course(told, "rate", {"line": 0.5, "floor": 0.05}, ax=axes)
    assert axes.get_ylim() == (0, pytest.approx(1.1 * 0.5))
