"""The axes of features: angles, sizes, and everything else."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.curves import make_dataset
from tuneful.plot.feature_axes import FeatureAxis


def painted(name, values, unit=""):
    data = make_dataset([np.ones(len(values))], {name: values})
    data[name].attrs["units"] = unit
    axes = Figure().add_subplot()
    axis = FeatureAxis.of(data, name)
    axis.paint(axes)
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    return axis, axes, ticks


@pytest.mark.parametrize(
    ("name", "values", "unit", "ticks"),
    [
        ("direction", np.arange(0, 360, 45), "", ["0", "90", "180", "270", "360"]),
        ("direction", [270, 0, 90, 180], "deg", ["0", "90", "180", "270", "360"]),
        ("direction", np.arange(-180, 180, 30), "deg", ["−180", "−90", "0", "90", "180"]),
        ("orientation", np.arange(0, 180, 22.5), "", ["0", "45", "90", "135", "180"]),
        ("motion_direction", np.arange(0, 2 * np.pi, np.pi / 4), "rad", ["0", "π/2", "π", "3π/2", "2π"]),
        ("orientation", np.arange(0, np.pi, np.pi / 8), "rad", ["0", "π/4", "π/2", "3π/4", "π"]),
    ],
)
def test_angles_that_go_round_have_ticks_at_quarters(name, values, unit, ticks):
    axis, axes, shown = painted(name, values, unit)
    assert shown == ticks
    low, high = axes.get_xlim()
    assert high - low == pytest.approx(axis.period)
    assert axis.title == f"{name} ({unit or 'deg'})"


@pytest.mark.parametrize("values", [[0, 10, 20], [0, 90, 360], [45], [0, 45, 90, 180]])
def test_angles_that_do_not_go_round_are_numbers(values):
    assert painted("direction", values)[0].period is None


@pytest.mark.parametrize(
    ("name", "values", "scale"),
    [
        ("size", [0.5, 1, 2, 4, 6], "log"),
        ("size", [0, 1, 2, 4, 8], "linear"),  # a blank
        ("size", [1, 2, 3], "linear"),
        ("contrast", [10, 20, 30, 40, 50], "log"),
        ("load", [10, 20, 30, 40, 50], "linear"),
        ("load", [1, 2, 4, 8, 16], "log"),
        ("x", [-1, 0, 1], "linear"),
    ],
)
def test_wide_ranges_are_logarithmic(name, values, scale):
    _, axes, _ = painted(name, values)
    assert axes.get_xscale() == scale
    assert axes.get_xlim()[0] < min(values)
    assert max(values) < axes.get_xlim()[1]


def test_names_of_close_values_do_not_meet():
    values = np.array([0.1, 0.11, 1.0, 5.0, 5.1, 5.2])
    axis, _, ticks = painted("size", values)
    places = np.log([float(t) for t in ticks])
    assert (np.diff(places) >= 0.1 * math.log(52)).all()
    assert ticks[0] == "0.1"
    assert ticks[-1] == "5.2"
    assert axis.values.tolist() == values.tolist()
