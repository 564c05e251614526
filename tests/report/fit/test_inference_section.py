"""The section on intervals: true to inference.json, whatever is open or not known."""

import numpy as np
import pytest

from tuneful.plot.entries import intervals_of
from tuneful.report.fit import render
from tuneful.report.fit.inference_section import section
from tuneful.report.fit.summary import inference_summary

MATRIX = {
    "value": [[1.0, 2.0], [3.0, 4.0]],
    "interval": [[[0.5, 1.5], [None, 5.0]], [[2.0, None], [None, None]]],
    "identified": [["yes", "weakly"], ["no", "no"]],
    "why": [["", "trades against J_EE"], ["<b>why</b>", ""]],
    "standard_deviation": [[0.1, 0.5], [2.0, 3.0]],
    "level": 0.9, "truth": [[1.1, 2.2], [3.3, 4.4]], "unit": "1/Hz", "symbol": "J",
    "entries": [["EE", "EI"], ["IE", "II"]],
}  # fmt: skip
SCALAR = {
    "value": -2.0, "interval": [-3.0, -1.0], "identified": "yes", "why": "", "standard_deviation": 0.1, "level": 0.9,
    "truth": None, "unit": "", "symbol": "phi", "entries": None,
}  # fmt: skip
NAMES = ["J_EE", "J_EI", "J_IE", "J_II", "phi"]
TABLE = {
    "level": 0.9, "method": "profile", "parameters": {"J": MATRIX, "phi": SCALAR},
    "methods": {"sandwich": {}, "profile": {}}, "correlation": {"names": NAMES, "matrix": np.eye(5).tolist()},
    "combinations": [{"words": "J_EE / J_EI is known to 4 %", "standard_deviation": 0.04, "powers": {}}] * 5,
    "remarks": ["There are <8> clusters."], "units": 60, "clusters": 8, "clusters_by": "session",
    "simulation_share": 0.04, "curves": 1000, "seed": 0,
}  # fmt: skip


def test_the_page_shows_every_entry_and_what_is_open(fit_content, outline_of):
    outline = outline_of(render(fit_content(inference=TABLE)))
    for expected in (
        "How well the data fix the parameters",
        "90 % intervals by profile, from 60 units in 8 clusters of one session",
        "0.5 to 1.5",
        "below 5",
        "above 2",
        "weakly: trades against J_EE",
        "no: <b>why</b>",
        "There are <8> clusters.",
        "J_EE / J_EI is known to 4 %",
        "Also in inference.json: sandwich.",
    ):
        assert expected in outline.words, expected
    labels = [str(value) for name, value in outline.attributes if name == "aria-label"]
    wanted = ("Intervals of the parameters", "Correlations of the estimated", "Standard deviations of combinations")
    assert all(sum(words in label for label in labels) == 1 for words in wanted)


def test_without_an_inference_there_is_no_section(fit_content):
    assert section(fit_content()) is None
    assert "How well the data fix" not in render(fit_content())


@pytest.mark.parametrize("share", [None, 0.5])
def test_the_terminal_says_the_same(share):
    text = inference_summary(TABLE | {"simulation_share": share})
    (row,) = [line for line in text.splitlines() if line.startswith("J_EI")]
    assert row.split()[:5] == ["J_EI", "2", "below", "5", "2.2"]
    assert "note: There are <8> clusters." in text
    assert "J_EE / J_EI is known to 4 %" in text


def test_entries_have_names_and_numbers():
    found = intervals_of("J", MATRIX)
    assert [entry.name for entry in found] == NAMES[:4]
    assert found[0].numbers == (1.0, 0.5, 1.5, 1.1)
    assert [entry.interval for entry in found] == ["0.5 to 1.5", "below 5", "above 2", "open"]
    assert intervals_of("phi", SCALAR)[0].truth == ""
