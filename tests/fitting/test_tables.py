"""What is said of the numbers of a fit."""

import math
from importlib.metadata import PackageNotFoundError

import pytest

from tuneful.descents import Outcome
from tuneful.fitting.tables import other_versions, versions, warnings

SIZES = {"n_data": 5, "n_model": 20}
NONE = {"ks_start": math.nan, "ks": math.nan, "n_data": 0, "n_model": 20}
GOOD = {
    "rejected_fraction": 0.0, "non_finite_steps": 0, "retreats": 0, "unsolved_gradients": 0, "steps": 5,
    "outcome": Outcome.CONVERGED,
    "statistics": {"r2": {"ks_start": 0.5, "ks": 0.1} | SIZES, "rate": {"ks_start": 0.2, "ks": 0.3} | SIZES},
    "parameters": {
        "J": {"initial": [1.0, 2.0], "truth": [1.0, 3.0], "fitted": True},
        "n": {"initial": 2.0, "truth": 2.0, "fitted": False},
        "sigma": {"initial": 0.2, "truth": None, "fitted": True},
    },
}  # fmt: skip


def test_nothing_is_said_of_a_fit_that_came_closer():
    assert warnings(GOOD) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"statistics": {"r2": {"ks_start": 0.1, "ks": 0.4} | SIZES, "rate": NONE}},
            "its mean KS distance is 0.400, and was 0.100 at the start (for so few units and curves, each is "
            "uncertain by up to 0.250)",
        ),
        ({"steps": 3, "non_finite_steps": 3}, "No step had a finite loss, the first included"),
    ],
)
def test_a_fit_that_led_nowhere_says_so(found, words):
    assert any(words in sentence for sentence in warnings(GOOD | found))


def test_steps_that_lost_networks_are_counted():
    (sentence,) = warnings(GOOD | {"retreats": 3})
    assert sentence.startswith("At 3 steps more realisations than max_lost did not settle or saturated")


def test_a_fit_that_began_at_the_truth_says_where():
    found = GOOD["parameters"] | {name: {"initial": 0.5, "truth": 0.5, "fitted": True} for name in ("V", "k")}
    (sentence,) = warnings(GOOD | {"parameters": found})
    assert sentence.startswith("The fit began at the truth of V, k:")


@pytest.mark.parametrize("undefined", [{}, {"rate": NONE}])
def test_without_distances_nothing_is_farther(undefined):
    assert not any("farther" in sentence for sentence in warnings(GOOD | {"statistics": undefined}))


def test_a_package_that_is_only_on_the_path_has_no_version(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("tuneful.fitting.tables.version", absent)
    assert versions()["tuneful"] == "missing"
    assert other_versions({"jax": "1.0"}) == [
        "The run was begun with jax 1.0 (now missing): the last bits of its numbers may depend on that."
    ]
