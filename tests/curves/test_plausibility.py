"""What is said of values that a dataset may hold."""

import numpy as np
import pytest

from tuneful.curves import make_dataset
from tuneful.curves.plausibility import doubts


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"direction": [0, 90, 360]}, "'direction' has 0 and 360, which are one direction if it is in degrees"),
        ({"grating_orientation": [-180, 0, 180]}, "'grating_orientation' has -180 and 180"),
        ({"size": [0.3, 0.1 + 0.2, 4], "load": [1, 2, 3]}, "'size' has 0.3 and 0.30000000000000004: if that is one"),
        ({"size": [1, 1, 4], "trial_number": [1, 2, 1]}, "'trial_number' is called like a count of repeats"),
        ({"size": [0.3, 0.30001, 4]}, "'size' has 0.3 and 0.30001: if that is one value, round the feature"),
    ],
)
def test_conditions_that_may_be_one_are_named(conditions, words):
    (sentence,) = doubts(make_dataset(np.ones((2, 3)), conditions))
    assert words in sentence


def test_rates_that_no_cell_reaches_are_named_once():
    rates = [[1.0, 5e6, np.nan], [2000.0, 3.0, 4.0]]
    (sentence,) = doubts(make_dataset(rates, {"size": [1, 2, 4]}))
    assert "unit 'u0' in condition 1 (size=2.0) is 5e+06 Hz, above 1000 Hz" in sentence


def test_rates_in_another_unit_are_named():
    rates = np.array([[1.0, 20.0, np.nan], [20.0, 3.0, 4.0], [7.0, 20.0, 0.0], [2.0, 1.0, 20.0]])
    (kilohertz,) = doubts(make_dataset(rates / 1000, {"size": [1, 2, 4]}))[:1]
    assert "No rate is above 0.02 Hz: are these rates, and in Hz?" in kilohertz
    (normalised,) = doubts(make_dataset(rates / 20, {"size": [1, 2, 4]}))
    assert "The largest rate of every unit is 1 Hz: if curves were divided by their maxima" in normalised
    for other in (rates[:3] / 20, rates / np.arange(10, 14)[:, None], np.ones((4, 3)), np.zeros((4, 3))):
        assert doubts(make_dataset(other, {"size": [1, 2, 4]})) == []
    assert doubts(make_dataset(rates / 20, {"size": [1, 2, 4]}, rate_unit="a.u.")) == []


@pytest.mark.parametrize(
    "conditions", [{"size": [0, 360, 720]}, {"direction": [0, 90, 180]}, {"temperature": [1, 2, 3]}]
)
def test_nothing_is_said_of_ordinary_values(conditions):
    assert doubts(make_dataset([[0.0, 20.0, 999.0]], conditions)) == []


def test_units_that_are_called_missing_are_named():
    (sentence,) = doubts(make_dataset([[1.0, 2.0], [3.0, 4.0]], {"size": [1, 2]}, unit_labels=["a", "NaN"]))
    assert "A unit is called 'NaN'" in sentence
