"""Datasets made by a circuit."""

import dataclasses
import re

import jax
import numpy as np
import pandas as pd
import pytest

from tuneful.circuits import SSN, FeedforwardM1, Observation, observed
from tuneful.errors import UserError
from tuneful.fitting.simulation import simulate


def test_a_seed_stands_for_its_key(toy):
    assert simulate(toy, 5, 3).identical(simulate(toy, 5, jax.random.key(3)))
    assert simulate(toy, np.int64(5), 3).identical(simulate(toy, 5, 3))


@pytest.mark.parametrize("n", [0, -2, 2.5, "5", None])
def test_the_number_of_curves_is_a_count(toy, n):
    with pytest.raises(UserError, match=f"The number of curves must be a whole number, 1 or more, not {n!r}"):
        simulate(toy, n, 0)


@pytest.mark.parametrize(
    ("given", "what"), [("m1", "'m1'"), (pd.DataFrame({"a": [1]}), "a DataFrame"), (int, "the class int itself")]
)
def test_curves_come_from_a_circuit(given, what):
    with pytest.raises(UserError, match=f"Curves are drawn from a circuit, .* not from {what}"):
        simulate(given, 5, 0)


@pytest.mark.parametrize(
    ("circuit", "name"),
    [
        (FeedforwardM1(grid=4, density=0.05, J=-5.0), "J = -5.0"),
        (SSN(n_sites=5, dJ=[[0.4, 0.1], [0.2, np.nan]]), "dJ = "),
        (observed(FeedforwardM1(grid=4, density=0.05), Observation(noise=-1.0)), "observation.noise = -1.0"),
    ],
)
def test_parameters_beyond_their_range_are_named(circuit, name):
    with pytest.raises(
        UserError, match=rf"Parameter {re.escape(name)}[^:]* is beyond its range \(positive, finite\)"
    ):
        simulate(circuit, 5, 0)


def test_curves_say_of_which_kind_their_cell_is_where_there_are_several(kinds, toy):
    circuit = dataclasses.replace(kinds, places=(-0.5, 0.5))
    curves = simulate(circuit, 6, 0)  # of the second realisation, two cells only
    assert curves["cell_type"].values.tolist() == ["E", "E", "I", "I", "E", "E"]
    assert set(curves.coords) == {"unit", "cell_type", "size"}
    placed = simulate(circuit, 6, 0, cells=circuit.populations())
    assert placed["position"].values.tolist() == [-0.5, 0.5, -0.5, 0.5, -0.5, 0.5]
    np.testing.assert_array_equal(placed["rate"], curves["rate"])
    assert set(simulate(toy, 6, 0).coords) == {"unit", "size"}
