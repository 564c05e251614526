"""The section on conditions that were not fitted."""

import numpy as np
import pytest

from tuneful.curves import make_dataset
from tuneful.report.fit import prediction, prediction_section, render

NEW_SIZES = np.array([0.75, 1.5, 3.0, 5.0, 8.0])
HEADING = "Prediction for conditions that were not fitted"


def test_without_a_prediction_nothing_is_said_of_it(size_content, main_of, words):
    assert "not fitted" not in words(main_of(render(size_content())))


def test_prediction_along_a_feature_is_two_figures(size_page, words, section):
    shown = section(size_page, HEADING)
    labels = [svg.get("aria-label") for svg in shown.iter("{http://www.w3.org/2000/svg}svg")]
    assert labels == [
        "Rates of the fitted circuit and of the data over size",
        "KS distance of the rates in new conditions over size",
    ]
    assert "circuit that made the data" in words(shown)
    assert ">5 % line</text>" in size_page
    assert shown.find("table") is None


@pytest.mark.parametrize(
    ("ks", "words_expected"),
    [
        ([0.1, 0.1], "In both new conditions, the rates of the fitted circuit are within"),
        ([0.1, 0.1, 0.1], "In all three new conditions, the rates of the fitted circuit are within"),
        ([0.1, 0.3, np.nan], "In one of the two new conditions, the rates of the fitted circuit are within"),
        ([0.3, 0.3], "In none of the two new conditions, the rates of the fitted circuit are within"),
        ([0.3], "In the new condition, the rates of the fitted circuit are not within"),
        ([0.1], "In the new condition, the rates of the fitted circuit are within"),
    ],
)
def test_prediction_in_one_sentence(ks, words_expected):
    assert prediction_section._verdict(prediction.Distances(np.array(ks), 0.2)).startswith(words_expected)


def test_prediction_without_truth_says_nothing_of_it(with_prediction, words, section):
    shown = section(render(with_prediction(truth=False)), HEADING)
    assert "circuit that made the data" not in words(shown)
    assert len(list(shown.iter("{http://www.w3.org/2000/svg}svg"))) == 1


def test_several_features_are_a_table(with_prediction, words, section, size_curves):
    crossed = {"contrast": np.array([10.0, 10.0, 10.0, 20.0, 20.0])}
    model, truth = (size_curves(100, seed, 3.0, NEW_SIZES, **crossed) for seed in (1, 2))
    truth["rate"].values[:, 0] += 10  # nothing in common
    shown = section(render(with_prediction(prediction=model, prediction_truth=truth)), HEADING)
    rows = [words(row) for row in shown.iter("tr")]
    low, median, high = np.quantile(model["rate"].values[:, 0], [0.1, 0.5, 0.9])
    assert rows[0] == "size contrast Fitted circuit (Hz) Circuit that made the data (Hz) KS Verdict"
    assert rows[1].startswith(f"0.75 10 {median:.3g} ({low:.3g}–{high:.3g}) 10")
    assert rows[1].endswith("1.000 ✕ distinguishable from it")
    assert "✓ within sampling error" in rows[2]
    assert len(rows) == 6
    assert "In four of the five new conditions" in words(shown)


def test_long_tables_are_folded_and_labels_are_conditions(with_prediction, words, section):
    labelled = make_dataset(np.ones((5, 30)), {"condition": [f"<{i}>" for i in range(30)]})
    shown = section(render(with_prediction(truth=False, prediction=labelled)), HEADING)
    assert shown.findtext("details/summary") == "All 30 conditions"
    assert words(list(shown.iter("tr"))[-1]) == "<29> 1 (1–1)"


def test_prediction_that_failed(with_prediction, size_curves):
    nothing = size_curves(3, 0, 3.0, NEW_SIZES)
    nothing["rate"].values[:] = np.nan
    html = render(with_prediction(prediction=nothing))
    assert "Rates of the fitted circuit" in html
    assert "new conditions, the rates" not in html
