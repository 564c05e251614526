"""Parameters that are vectors or matrices: their entries, and the rows of their table."""

import numpy as np
import pytest

from tuneful.plot.entries import entries, path
from tuneful.report.fit import parameters, render

PAIRS = [["EE", "EI"], ["IE", "II"]]
NAN = float("nan")


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
    assert [entry.name for entry in entries({"value": value, "entries": given})] == names


def test_entries_that_are_not_known_are_nan():
    found = entries({"value": [[1.0, None], [3.0, 4.0]], "initial": 0.5, "truth": [1.0, 2.0]})
    assert [entry.initial for entry in found] == [0.5] * 4
    assert np.isnan([entry.truth for entry in found]).all()
    assert np.isnan([entry.value for entry in found]).tolist() == [False, True, False, False]


def test_index_joins_the_subscript_of_a_symbol():
    about = {"value": [1.0, 2.0], "symbol": "σ_l", "entries": ["E", "I"]}
    (group,) = parameters.table({"parameters": {"width": about}})
    assert [row["symbol"] for row in group["rows"]] == ["<i>σ</i><sub>l,E</sub>", "<i>σ</i><sub>l,I</sub>"]
    assert [row["error"] for row in group["rows"]] == ["–", "–"]


def test_table_has_one_row_per_entry(size_page, words, section):
    table = section(size_page, "Parameters").find("table")
    assert table is not None
    rows = [words(row) for row in table.iter("tr")]
    assert len(rows) == 1 + 12
    assert rows[1] == "J EE J smallest weight 0.0354 0.0959 0.0957 +0.2 % 1/Hz"
    assert rows[2] == "J EI 0.0236 0.051 0.0638 −20 %"
    assert "entry at each step" in words(section(size_page, "Parameters"))
    assert "value at each step" not in words(section(size_page, "Parameters"))
    assert rows[12] == "σ II 0.074 0.25 0.2 +25 %"


def test_what_the_curves_fix_is_said_and_what_they_do_not():
    """In per cent of the value; a column of its own only where something is known."""
    matrix = {
        "value": [[2.0, 2.0], [2.0, 0.0]],
        "standard_error": [[0.1, 1.0], [9.0, 0.1]],
        "identified": [["yes", "weakly"], ["no", "yes"]],
    }
    plain = {"value": 1.0, "standard_error": None, "identified": None}
    known, unknown = {"parameters": {"J": matrix, "k": plain}}, {"parameters": {"k": plain}}
    groups = parameters.table(known)
    assert [row["known_to"] for row in groups[0]["rows"]] == ["± 5.0 %", "± 50 %, weakly", "open", "–"]
    assert [row["known_to"] for row in groups[1]["rows"]] == ["–"]
    assert parameters.any_error(known)
    assert not parameters.any_error(unknown)


def test_path_goes_through_the_log_from_the_start(size_content, true_values):
    content = size_content(4)
    found = entries(content.result["parameters"]["dJ"])
    walked = path("dJ", content.steps, found)
    assert walked is not None
    assert walked[0].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(walked[1][0], 0.37 * np.ravel(true_values["dJ"]))
    np.testing.assert_array_equal(walked[1][3], np.ravel(content.steps[2]["parameters"]["dJ"]))
    assert path("other", content.steps, found) is None


def test_names_of_entries_with_markup_are_shown_as_they_are(size_content, words, section):
    content = size_content()
    content.result["parameters"]["J"]["entries"] = [["<b>E&E", "EI"], ["IE", "$I$"]]
    html = render(content)
    table = words(section(html, "Parameters"))
    assert "J <b>E&E J smallest weight" in table
    assert "$I$" in table
    assert "<b>" not in html


def test_vector_parameters(fit_result, fit_content, outline_of):
    about = {"value": [1.0, 2.0], "unit": "Hz", "initial": [0.5, 1.0], "symbol": "w", "meaning": "", "fitted": True}
    steps = [{"step": s, "parameters": {"w": [1.0 + s, 2.0 + s]}} for s in range(3)]
    outline = outline_of(render(fit_content(result=fit_result(parameters={"w": about}), steps=steps)))
    assert "w1 w– 0.51 Hz w2 12 entry at each step" in outline.words
