"""Figures of studies."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.plot import strips


@pytest.mark.parametrize("truth", [float("nan"), 5.0])
def test_every_job_is_a_point_and_the_first_setting_is_on_top(truth):
    figure = Figure()
    groups = [("batch $8{", np.array([1.0, 3.0])), ("batch 16", np.array([2.0]))]
    axes = strips.by_setting(groups, "J_x", truth, ax=figure.add_subplot())
    figure.draw_without_rendering()
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in points] == [[1.0, 3.0], [2.0]]
    assert [line.get_ydata().tolist() for line in points] == [[1, 1], [0]]
    assert [text.get_text() for text in axes.texts] == [r"batch \$8{", "batch 16"]
    assert axes.get_xlim()[1] > (truth if np.isfinite(truth) else 3.0)


def test_no_more_settings_than_can_be_read_are_drawn():
    axes = strips.by_setting([(f"{i}", np.ones(1)) for i in range(99)], "J", ax=Figure().add_subplot())
    assert len(axes.texts) == strips.MOST
    assert strips.height(99) == strips.height(strips.MOST) > strips.height(2)
