"""Figures of comparisons, tests and designs."""

import pytest
from matplotlib.figure import Figure

from tuneful.plot import scores

RUNS = [
    {"name": "$m_{", "difference": 0.0, "difference_error": 0.0},
    {"name": "ssn", "difference": 0.4, "difference_error": 0.1},
]
CANDIDATES = [{"name": f"size={i}", "error": 0.1 * i} for i in range(1, 20)]


def test_runs_have_two_standard_errors_and_the_best_is_on_top():
    figure = Figure()
    axes = scores.comparison({"runs": RUNS}, ax=figure.add_subplot())
    figure.draw_without_rendering()
    (bars,) = axes.collections
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    assert ends[1] == [pytest.approx(0.2), pytest.approx(0.6)]
    assert axes.lines[-1].get_ydata().tolist() == [1, 0]


def test_one_run_and_one_set_are_drawn():
    figure = Figure()
    scores.comparison({"runs": RUNS[:1]}, ax=figure.add_subplot(311))
    axes = scores.goodness({"simulated": [1.0], "distance": 2.0, "p_value": 0.01}, ax=figure.add_subplot(312))
    assert set(axes.get_legend_handles_labels()[1]) == {"simulated sets", "measured units"}
    designed = scores.design({"candidates": CANDIDATES, "now": 1.0, "then": 0.2}, ax=figure.add_subplot(313))
    assert len(designed.lines[0].get_xdata()) == scores.CANDIDATES
    figure.draw_without_rendering()
