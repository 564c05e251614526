"""Parameters over the steps."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.report import figures
from tuneful.report.fit import trajectories

PAIRS = [["EE", "EI"], ["IE", "II"]]


def test_trajectories_name_every_entry_in_the_colour_of_its_line(size_page, figures_of, true_values):
    drawn = figures_of(size_page)
    for name in true_values:
        svg = drawn[f"Parameter over training: {name}"]
        for i, entry in enumerate(np.ravel(PAIRS), start=1):
            colour = f"var(--entry-{i}, {figures.ENTRIES[i - 1]})"
            label = re.search(rf"<text[^>]*style=\"([^\"]*)\"[^>]*>{entry}</text>", svg)
            assert label
            assert f"fill: {colour}" in label[1]
            lines = [style for style in re.findall(r'style="(fill: none[^"]*)"', svg) if f"stroke: {colour}" in style]
            widths = [re.findall(r"stroke-width: ([\d.]+)", style) for style in lines]
            assert widths == [["0.8"], ["1.4"]]  # the truth, and the path
            assert "stroke-dasharray" in lines[0]


@pytest.mark.parametrize(
    ("shown", "scale"), [([1.0, 4.9], "linear"), ([1.0, 5.1], "log"), ([0.0, 9.0], "linear"), ([-1.0, 9.0], "linear")]
)
def test_axis_is_logarithmic_if_entries_are_far_apart(shown, scale):
    axes = Figure().add_subplot()
    trajectories._scale(axes, np.array([*shown, np.nan]))
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < shown[0]
    assert high > shown[1]


def test_equal_truths_of_neighbours_are_both_seen():
    starts = [trajectories._dashes(i)[0] for i in range(4)]
    for one, other in [(0, 1), (0, 2), (1, 3), (2, 3)]:
        assert abs(starts[one] - starts[other]) == 5  # a whole dash


def test_many_entries_are_drawn_without_names():
    values = np.arange(1.0, 31.0).tolist()
    about = {"value": values, "initial": values, "symbol": "w"}
    steps = [{"step": s, "parameters": {"w": values}} for s in (1, 2)]
    svg = str(trajectories.parameter_figure("w", "w", steps, about))
    assert ">30</text>" not in svg
    assert "entry-1" not in svg
