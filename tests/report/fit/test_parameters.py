"""Parameters that are vectors or matrices: their entries, and how these are drawn."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.report import figures, figures_parameters, parameters

PAIRS = [["EE", "EI"], ["IE", "II"]]


@pytest.mark.parametrize(
    ("value", "given", "names"),
    [
        (1.0, None, [""]),
        ([1.0, 2.0], ("E", "I"), ["E", "I"]),
        ([1.0, 2.0], None, ["1", "2"]),
        ([[1.0, 2.0], [3.0, 4.0]], PAIRS, ["EE", "EI", "IE", "II"]),
        ([[1.0, 2.0], [3.0, 4.0]], None, ["11", "12", "21", "22"]),
        ([[1.0, 2.0]], PAIRS, ["11", "12"]),  # names of another shape name nothing
        (np.ones((1, 10)), None, [f"1,{i}" for i in range(1, 11)]),
    ],
)
def test_names_of_entries(value, given, names):
    assert [entry.name for entry in parameters.entries({"value": value, "entries": given})] == names


def test_entries_that_are_not_known_are_nan():
    found = parameters.entries({"value": [[1.0, None], [3.0, 4.0]], "initial": 0.5, "truth": [1.0, 2.0]})
    assert [entry.initial for entry in found] == [0.5] * 4
    assert np.isnan([entry.truth for entry in found]).all()
    assert np.isnan([entry.value for entry in found]).tolist() == [False, True, False, False]


def test_index_joins_the_subscript_of_a_symbol():
    about = {"value": [1.0, 2.0], "symbol": "σ_l", "entries": ["E", "I"]}
    (group,) = parameters.table({"parameters": {"width": about}})
    assert [row["symbol"] for row in group["rows"]] == ["<i>σ</i><sub>l,E</sub>", "<i>σ</i><sub>l,I</sub>"]
    assert [row["error"] for row in group["rows"]] == ["–", "–"]


@pytest.mark.parametrize(
    ("shown", "scale"), [([1.0, 4.9], "linear"), ([1.0, 5.1], "log"), ([0.0, 9.0], "linear"), ([-1.0, 9.0], "linear")]
)
def test_axis_is_logarithmic_if_entries_are_far_apart(shown, scale):
    axes = Figure().add_subplot()
    figures_parameters._scale(axes, np.array([*shown, np.nan]))
    assert axes.get_yscale() == scale
    low, high = axes.get_ylim()
    assert low < shown[0]
    assert high > shown[1]


def test_equal_truths_of_neighbours_are_both_seen():
    starts = [figures_parameters._dashes(i)[0] for i in range(4)]
    for one, other in [(0, 1), (0, 2), (1, 3), (2, 3)]:
        assert abs(starts[one] - starts[other]) == 5  # a whole dash


def test_many_entries_are_drawn_without_names():
    values = np.arange(1.0, 31.0).tolist()
    about = {"value": values, "initial": values, "symbol": "w"}
    steps = [{"step": s, "parameters": {"w": values}} for s in (1, 2)]
    svg = str(figures_parameters.parameter_figure("w", "w", steps, about))
    assert ">30</text>" not in svg
    assert "entry-1" not in svg


def test_names_in_the_margin_do_not_overlap():
    rng = np.random.default_rng(0)
    for _ in range(50):
        heights = np.sort(rng.uniform(0, 1, 4)) ** 2
        placed = np.array(figures._apart(heights.tolist(), 0.1))
        assert (np.diff(placed) > 0.1 - 1e-9).all()
        assert placed[0] >= 0
    assert figures._apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    np.testing.assert_allclose(figures._apart([0.5, 0.5, 0.5, 0.9], 0.1), [0.4, 0.5, 0.6, 0.9])
