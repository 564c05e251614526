"""Parameters go to their unconstrained side and back."""

import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from tuneful.circuits import FeedforwardM1
from tuneful.fitting.unconstrained import by_name, parameter_values, unconstrained_values, with_unconstrained

CIRCUIT = FeedforwardM1(grid=6, density=0.1)


def test_parameters_go_there_and_back():
    circuit = CIRCUIT.with_values({"J": 400.0, "phi_l": -1.0, "dphi": 4.0})
    unconstrained = unconstrained_values(circuit, ("J", "phi_l"))
    assert float(unconstrained["J"]) == pytest.approx(np.log(400))
    back = with_unconstrained(CIRCUIT.with_values({"dphi": 4.0}), unconstrained)
    assert float(back.J) == pytest.approx(400.0)
    assert float(back.phi_l) == pytest.approx(-1.0, abs=1e-5)  # of 18: single precision


def test_a_parameter_with_a_reference_moves_with_it():
    """A threshold is measured from the mean drive, which grows with the weights: J density / 2 - dphi / 2."""
    unconstrained = unconstrained_values(CIRCUIT, ("J", "phi_l"))
    doubled = with_unconstrained(CIRCUIT, unconstrained | {"J": unconstrained["J"] + np.log(2.0)})
    moved = float(doubled.phi_l - CIRCUIT.phi_l)
    assert moved == pytest.approx(float(CIRCUIT.J) * 0.1 / 2, rel=1e-5)


def test_impossible_fitted_parameters():
    with pytest.raises(ValueError, match=r"no parameter 'dph'.*Did you mean 'dphi'"):
        unconstrained_values(CIRCUIT, ("dph",))
    with pytest.raises(ValueError, match=r"J = -1.0 is outside its range"):
        unconstrained_values(CIRCUIT.with_values({"J": -1.0}), ("J",))


def test_a_row_has_the_names_and_the_shapes_of_others():
    like = unconstrained_values(CIRCUIT, ("J", "phi_l"))
    row, _ = ravel_pytree(like)
    found = by_name(np.asarray(row, float) + 1, like)
    assert {name: (float(value), value.dtype, value.shape) for name, value in found.items()} == {
        name: (float(value + 1), value.dtype, value.shape) for name, value in like.items()
    }


def test_plain_values_are_numbers_and_lists():
    assert parameter_values(CIRCUIT)["dsigma"] == 3.0
