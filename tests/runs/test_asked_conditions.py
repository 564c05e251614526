"""Conditions that are asked for by values of features."""

import numpy as np
import pytest

from tuneful.circuits import SSN
from tuneful.errors import UserError
from tuneful.runs.asked_conditions import as_conditions, new_conditions

PRESENT = {"size": np.array([1.0, 2.0]), "contrast": np.array([10.0, 10.0])}


def test_conditions_are_crossed_without_what_is_shown():
    circuit = SSN(n_sites=11)
    found = new_conditions(circuit, PRESENT, {"size": [1.0, 4.0], "contrast": [10.0, 20.0]}, "--candidates")
    assert list(zip(*found.values(), strict=True)) == [(1.0, 20.0), (4.0, 10.0), (4.0, 20.0)]
    alone = new_conditions(circuit, PRESENT, {"size": [4.0, 4.0]}, "--candidates")
    assert {name: values.tolist() for name, values in alone.items()} == {"size": [4.0], "contrast": [10.0]}
    with pytest.raises(UserError, match="size varies between the conditions"):
        new_conditions(circuit, PRESENT, {"contrast": [20.0]}, "--candidates")
    with pytest.raises(UserError, match="the data do not say the contrast"):
        new_conditions(circuit, {"size": PRESENT["size"]}, {"size": [4.0], "contrast": [20.0]}, "--candidates")


@pytest.mark.parametrize("text", ["size", "size=", "size=a", "=1", "size=nan"])
def test_conditions_are_numbers(text):
    with pytest.raises(UserError, match="write FEATURE=VALUE"):
        as_conditions([text], "--candidates")
