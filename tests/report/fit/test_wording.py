"""The words of a fit."""

import pytest

from tuneful.report.fit import wording

NAN = float("nan")


@pytest.mark.parametrize(
    ("distances", "sentence"),
    [
        ({"r2": 0.1, "rate": 0.1}, "Both statistics of the fitted circuit are within"),
        ({"r2": 0.3, "rate": 0.3}, "Neither statistic of the fitted circuit is within"),
        ({"r2": 0.3, "rate": 0.1}, "One of the two statistics of the fitted circuit is within"),
        ({"r2": 0.3, "rate": 0.1}, "neurons; R² of the linear fit to position is not."),
        ({"r2": 0.3, "rate": 0.3, "complexity": 0.1}, "; R² of the linear fit to position and firing rate are not."),
        ({"r2": 0.3, "rate": 0.3, "max_rate": 0.2}, "None of the three statistics of the fitted circuit is within"),
        ({"rate": 0.3}, "Firing rate of the fitted circuit is not within"),
        ({"rate": 0.1, "coding_level": NAN}, "neurons; coding level is undefined."),
        ({"{odd}": 0.1, "rate": 0.3, "max_rate": 0.1}, "Two of the three"),
        ({"{odd}": 0.3}, "{odd} of the fitted circuit is not within"),
    ],
)
def test_answer(distances, sentence):
    entries = {name: {"ks": ks, "line": 0.15, "floor": 0.05} for name, ks in distances.items()}
    assert sentence in wording.answer({"statistics": entries})


@pytest.mark.parametrize(
    ("ks", "line", "floor", "expected"),
    [
        (0.05, 0.15, 0.1, wording.AT_FLOOR),
        (0.12, 0.15, 0.1, wording.WITHIN),
        (0.2, 0.15, 0.1, wording.APART),
        (0.2, 0.15, 0.3, wording.APART),  # a high floor does not excuse
        (0.1, 0.15, None, wording.WITHIN),
        (NAN, 0.15, 0.1, wording.UNKNOWN),
        (0.1, None, 0.1, wording.UNKNOWN),
    ],
)
def test_verdict(ks, line, floor, expected):
    assert wording.verdict({"ks": ks, "line": line, "floor": floor}) is expected
