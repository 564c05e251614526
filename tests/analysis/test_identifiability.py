"""Combinations of parameters in words, and why some are not identified."""

import numpy as np

from tuneful.analysis.identifiability import combinations, product, reasons

NAMES = ["J_EE", "J_EI", "J_IE", "J_II"]


def test_stiff_combinations_come_first_and_are_products_of_powers(quadratic):
    """J_EE / J_EI known to 1 %, J_EE J_EI to a factor of e: both as unit vectors."""
    axes = np.eye(4)
    axes[:2, :2] = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    covariance = axes @ np.diag([0.01, 1.5, 0.3, 0.1]) ** 2 @ axes.T
    found = combinations(covariance, quadratic.coordinates)
    assert quadratic.coordinates.entries == NAMES
    assert found[0].words in ("J_EE^0.71 / J_EI^0.71 is known to 1 %", "J_EI^0.71 / J_EE^0.71 is known to 1 %")
    assert [one.words for one in found[1:3]] == ["J_II is known to 10 %", "J_IE is known to a factor of 1.3"]
    assert found[3].words.endswith("is open: it may be wrong by a factor of 4.5")
    np.testing.assert_allclose([one.deviation for one in found], [0.01, 0.1, 0.3, 1.5])


def test_parameters_that_trade_are_named_with_each_other():
    """The first two only as a ratio; the third by nothing; the fourth is known."""
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = 0.5 + np.diag([0.001, 0.001])
    covariance[2, 2], covariance[3, 3] = 4.0, 0.001
    said = reasons(covariance, ["weakly", "weakly", "no", "yes"], NAMES)
    assert said[0].startswith("trades against J_EI (correlation +1.00): with all others held it would be known to")
    assert "trades against J_EE" in said[1]
    assert said[2] == "even with all others held it would be open: it may be wrong by a factor of 7.4"
    assert said[3] == ""


def test_combinations_of_parameters_that_may_be_negative_are_sums():
    assert product(np.array([-0.8, 0.1, 0.6]), ["a", "b", "c"], [True, True, False]) == "- 0.8 log a + 0.6 c"
    assert product(np.array([0.5, -0.5, -0.7]), ["a", "b", "c"], [True] * 3) == "a^0.5 / (c^0.7 b^0.5)"
    assert product(np.array([1.0, 0.0]), ["a", "b"], [True] * 2) == "a"
