"""Parameters over the steps."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.errors import UserError
from tuneful.plot import trajectories


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
    axes = trajectories.parameter_course(steps, "w", about, ax=Figure().add_subplot())
    assert len(axes.lines) == 2 * 30  # a line and its end
    assert not axes.texts


def test_a_parameter_that_was_not_logged_is_refused():
    with pytest.raises(UserError, match="holds no value of a parameter 'J'"):
        trajectories.parameter_course([], "J", {"value": 1.0}, ax=Figure().add_subplot())
