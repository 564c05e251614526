"""What is said of the numbers of a fit."""

import math

import pytest

from tuneful.descents import Outcome
from tuneful.fitting.tables import warnings

GOOD = {
    "rejected_fraction": 0.0, "non_finite_steps": 0, "retreats": 0, "unsolved_gradients": 0, "steps": 5,
    "outcome": Outcome.CONVERGED,
    "statistics": {"r2": {"ks_start": 0.5, "ks": 0.1}, "rate": {"ks_start": 0.2, "ks": 0.3}},
}  # fmt: skip


def test_nothing_is_said_of_a_fit_that_came_closer():
    assert warnings(GOOD) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"statistics": {"r2": {"ks_start": 0.1, "ks": 0.4}}},
            "farther from the held-out units than it began: its mean KS",
        ),
        ({"steps": 3, "non_finite_steps": 3}, "No step had a finite loss, the first included"),
    ],
)
def test_a_fit_that_led_nowhere_says_so(found, words):
    assert words in warnings(GOOD | found)[-1]


@pytest.mark.parametrize("undefined", [{}, {"r2": {"ks_start": 0.5, "ks": math.nan}}])
def test_without_distances_nothing_is_farther(undefined):
    assert not any("farther" in sentence for sentence in warnings(GOOD | {"statistics": undefined}))
