"""The digest of curves depends on what was measured, and on nothing else; and what simulated ones are made with."""

import numpy as np
import pytest

from tuneful import load, save
from tuneful.circuits import FeedforwardM1, Recurrent
from tuneful.curves import make_dataset
from tuneful.runs.curves_source import at_known_truth, digest

RATES = np.array([[1.0, 2.5, np.nan], [0.1, 0.0, 3.0]])
DATA = make_dataset(RATES, {"size": [0.5, 1, 4]}, {"area": ["V1", "LM"]}, ["a", "b"], source="mine")


@pytest.mark.parametrize("name", ["a.nc", "a.csv"])
def test_the_format_does_not_matter(tmp_path, name):
    save(DATA, tmp_path / name)
    assert digest(load(tmp_path / name)) == digest(DATA)


@pytest.mark.parametrize(
    "other",
    [
        make_dataset(RATES * (1 + 1e-15), {"size": [0.5, 1, 4]}, {"area": ["V1", "LM"]}, ["a", "b"]),
        make_dataset(RATES, {"size": [0.5, 1, 5]}, {"area": ["V1", "LM"]}, ["a", "b"]),
        make_dataset(RATES, {"contrast": [0.5, 1, 4]}, {"area": ["V1", "LM"]}, ["a", "b"]),
        make_dataset(RATES, {"size": [0.5, 1, 4]}, {"area": ["V1", "AL"]}, ["a", "b"]),
        make_dataset(RATES, {"size": [0.5, 1, 4]}, {"area": ["V1", "LM"]}, ["a", "c"]),
        make_dataset(RATES, {"size": [0.5, 1, 4]}, {"area": ["V1", "LM"]}, ["a", "b"], statistics=["max_rate"]),
    ],
)
def test_whatever_is_measured_matters(other):
    assert digest(other) != digest(DATA)


def test_the_truth_is_what_the_configuration_says_and_else_what_the_circuit_knows():
    circuit = Recurrent(types=("A", "B", "C"), absent="A<-C", dJ=np.ones(8))
    truth = at_known_truth(circuit, given={"dJ": 1})
    np.testing.assert_array_equal(truth.dJ, np.ones(8))
    np.testing.assert_array_equal(truth.J, circuit.at_truth().J)
    assert at_known_truth(circuit).dJ.max() < 1
    assert float(at_known_truth(FeedforwardM1(grid=4, density=0.1)).J) == float(FeedforwardM1.example().J)
