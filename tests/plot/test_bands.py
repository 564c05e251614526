"""Figures of predictions: which conditions a panel has, and what of a table it shows."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tuneful.plot.bands import groups, predicted


def row(quantity, value, **where):
    return {"quantity": quantity, "where": where, "value": value, "low": value - 1, "high": value + 1, "truth": None}


def table(sizes, contrasts, rows):
    conditions = {"size": sizes, "contrast": contrasts}
    new = [False] * (len(sizes) - 1) + [True]
    return {"conditions": conditions, "new": new, "rows": rows, "unit": "Hz", "measured": {"": [1.0] * len(sizes)}}


def test_conditions_are_along_the_feature_with_most_values():
    found = groups(table([4.0, 1.0, 2.0, 4.0], [10.0, 10.0, 10.0, 20.0], []))
    assert [group.where for group in found] == ["contrast = 10", "contrast = 20"]
    assert found[0].along == "size"
    assert found[0].places.tolist() == [1.0, 2.0, 4.0]
    assert found[0].numbers.tolist() == [1, 2, 0]
    (alone,) = groups({"conditions": {}, "new": [False]})
    assert (alone.along, alone.places.tolist()) == ("condition", [0.0])


def test_a_panel_has_the_band_the_measured_values_and_marks_of_new_conditions():
    rows = [row("rate_mean", value, label="", condition="") for value in (3.0, 1.0)]
    shown = table([4.0, 1.0], [10.0, 10.0], [*rows, row("settled", 1.0)])
    axes = predicted(shown, ax=Figure().add_subplot())
    band, measured, new = axes.lines
    assert band.get_ydata().tolist() == [1.0, 3.0]
    assert measured.get_ydata().tolist() == [1.0, 1.0]
    assert new.get_xdata().tolist() == [1.0]
    assert axes.get_xlabel() == "size"
    assert axes.get_ylabel() == "mean (Hz)"


def test_responses_have_a_line_for_each_type_and_one_at_zero_where_some_fall():
    given = ("I", "E", -2.0), ("I", "I", 3.0), ("E", "E", 9.0)
    rows = [row("full_response", value, type=kind, input=source) for source, kind, value in given]
    axes = predicted(table([4.0], [1.0], rows), "full_response", given="I", ax=Figure().add_subplot())
    assert [text.get_text() for text in axes.texts] == ["E", "I"]
    assert sorted(line.get_ydata()[0] for line in axes.lines)[:2] == [pytest.approx(-2.0), 0]
    assert axes.get_ylim()[0] < -3


def test_where_nothing_is_known_an_empty_panel_is_drawn():
    rows = [row("rate_spread", np.nan, label="") | {"value": None, "low": None, "high": None}]
    axes = predicted(table([4.0], [1.0], rows), "rate_spread", ax=Figure().add_subplot())
    assert axes.get_ylim()[0] == 0


def test_parts_are_between_nothing_and_all():
    rows = [row("inhibition_stabilised", 0.0, label="")]
    axes = predicted(table([4.0], [1.0], rows), "inhibition_stabilised", ax=Figure().add_subplot())
    assert axes.get_ylim() == (0, 1)
