"""The test of a circuit: its level where the circuit is right, and its power where it is not."""

import dataclasses

import jax
import numpy as np
import pytest

from tuneful.analysis.goodness_of_fit import (
    Hypothesis,
    accuracy_of_neighbours,
    goodness_of_fit,
    p_values,
)
from tuneful.fitting import Problem
from tuneful.fitting.unconstrained import unconstrained_values
from tuneful.objectives import EnergyDistance, Measured

UNITS, SETS, CURVES = 30, 39, 240
SIZES = np.array([1.0, 2.0, 4.0])


def estimated(toy, rates):
    """The circuit at estimates of its parameters: mean rates are a (1 + b size), fitted by least squares."""
    slope, height = np.polyfit(SIZES, np.nanmean(rates, axis=0), 1)
    return dataclasses.replace(toy, cells=12).with_values({"a": max(height, 0.1), "b": max(slope / height, 0.05)})


def hypothesis(toy, rates):
    circuit = estimated(toy, rates)
    problem = Problem(circuit, EnergyDistance(), Measured.from_rates(np.ones((2, 3))), ("a", "b"))
    at = unconstrained_values(circuit, ("a", "b"))
    labels = np.zeros(len(rates), int)
    return Hypothesis(problem, at, rates, labels, [""], {"size": SIZES}, ("max_rate",))


def drawn(rng, units=UNITS):
    """Rates of the circuit at a = 3, b = 1, as NumPy draws them."""
    return 3.0 * (rng.exponential(size=(units, 3)) + 1.0 * SIZES)


@pytest.fixture(scope="module")
def right(toy):
    """P-values for 30 sets of units that the circuit made, with estimated parameters."""
    rng = np.random.default_rng(3)
    found = [goodness_of_fit(hypothesis(toy, drawn(rng)), jax.random.key(i), SETS, CURVES) for i in range(30)]
    smallest = [min(row["adjusted"] for row in one.table()["parts"]) for one in found]
    return {
        "distance": np.array([one.p_value for one in found]),
        "classifier": np.array([one.classifier_p_value for one in found]),
        "parts": np.array(smallest),
    }


@pytest.mark.parametrize("what", ["distance", "classifier", "parts"])
def test_the_level_holds_where_the_circuit_is_right(right, what):
    """Uniform p-values are below .2 in 6 of 30 sets, with a standard deviation of 2.2, and .5 +- .053 on average.

    Those of the classifier are of few different values, and no smaller for it.
    """
    assert (right[what] <= 0.2).sum() <= 6 + 3 * 2.2
    assert right[what].mean() > 0.5 - 3 * 0.053
    if what == "distance":
        assert right[what].mean() < 0.5 + 3 * 0.053


def test_what_the_circuit_cannot_produce_is_found_and_named(toy):
    """Curves of the same means that scatter much more at the second size, with gaps that say nothing."""
    rng = np.random.default_rng(0)
    rates = drawn(rng, 60)
    rates[:, 1] = 9.0 * np.exp(rng.normal(0, 1.3, 60) - 1.3**2 / 2)
    rates[::6, 0] = np.nan
    found = goodness_of_fit(hypothesis(toy, rates), jax.random.key(0), 99, CURVES)
    table = found.table()
    assert found.p_value == 1 / 100
    assert table["parts"][0]["name"] == "rate at size = 2"
    assert table["parts"][0]["adjusted"] < 0.05
    assert table["verdict"].startswith("The circuit does not produce such neurons (p = 0.01). It fails in ")
    assert table["distance"] > table["critical_distance"]
    assert found.classifier_p_value < 0.1


def test_adjusted_p_values_are_those_of_the_smallest_of_all():
    """Of two independent statistics, the smallest p-value is below p with the chance 1 - (1 - p)^2."""
    rng = np.random.default_rng(0)
    sets = rng.random((2, 999))
    alone, adjusted = p_values({"one": (0.9, sets[0]), "two": (0.2, sets[1])})
    assert alone["one"] == pytest.approx(0.1, abs=4 * np.sqrt(0.1 * 0.9 / 999))
    assert adjusted["one"] == pytest.approx(0.19, abs=4 * np.sqrt(0.19 * 0.81 / 999) + 0.03)
    assert adjusted["two"] >= adjusted["one"]


def test_accuracy_is_a_half_where_nothing_differs():
    """The standard deviation of 600 dependent votes is a little more than that of independent ones."""
    rng = np.random.default_rng(0)
    assert accuracy_of_neighbours(rng.normal(size=(300, 2)), rng.normal(size=(300, 2))) == pytest.approx(
        0.5, abs=4 * 2 * 0.5 / np.sqrt(600)
    )
