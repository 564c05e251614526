"""Sets of curves that a circuit simulates: as many as units, the same after an interruption, or a sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.goodness_of_fit import Hypothesis
from tuneful.analysis.simulated_sets import SetsDescent, simulated_sets
from tuneful.circuits import AbstractCircuit
from tuneful.descents import descend
from tuneful.fitting import Problem
from tuneful.fitting.unconstrained import unconstrained_values
from tuneful.objectives import EnergyDistance, Generated, Measured

LABELS, SIZES, KEY = np.array([0, 1, 0, 0]), np.array([1.0, 2.0, 4.0]), jax.random.key(0)


def two_kinds(circuit: AbstractCircuit) -> Hypothesis:
    """Three units of the one kind, one of the other."""
    problem = Problem(circuit, EnergyDistance(), Measured.from_rates(np.ones((2, 3))), ("a", "b"), labels=(0, 1))
    at = unconstrained_values(circuit, ("a", "b"))
    return Hypothesis(problem, at, np.ones((4, 3)), LABELS, ["E", "I"], {"size": SIZES}, ())


def test_sets_have_as_many_curves_of_each_label_as_there_are_units(kinds):
    sets = simulated_sets(two_kinds(kinds.example()), KEY, 200)
    assert sets.shape == (200, 4, 3)
    means = sets.mean(axis=(0, 2))  # a (1 + 7 / 6), and b (1 + 7 / 12), of E and of I cells
    expected = np.array([2 * (1 + 7 / 6), 6 * (1 + 7 / 12)])[LABELS]
    np.testing.assert_allclose(means, expected, atol=4 * 6 / np.sqrt(600))
    assert len(np.unique(sets)) == sets.size  # no curve is there twice


def test_it_goes_on_from_a_packed_state_with_the_same_sets(kinds, monkeypatch):
    monkeypatch.setattr("tuneful.analysis.simulated_sets.AT_ONCE", 24)
    descent, told = SetsDescent(two_kinds(kinds.example()), KEY, 20), []
    whole = descend(descent, observers=[lambda moment: told.append(moment.record)])
    assert told[1:] == ["curves: 44 of 80", "curves: 68 of 80", "curves: 80 of 80"]  # 60 of E and 20 of I cells
    first, _ = descent.step(descent.init())
    again = descend(descent, state=descent.unpack(descent.pack(first)))
    np.testing.assert_array_equal(descent.dealt(again.state), descent.dealt(whole.state))
    with pytest.raises(KeyboardInterrupt):
        simulated_sets(two_kinds(kinds.example()), KEY, 20, observers=[lambda moment: moment.steps == 1])


def test_where_nothing_settles_it_ends_with_a_sentence(kinds, monkeypatch):
    lost = Generated(jnp.zeros((48, 3)), jnp.zeros(48), 2, (0, 1))
    monkeypatch.setattr("tuneful.analysis.simulated_sets.generated_at", lambda *_: lost)
    with pytest.raises(ValueError, match="Most realisations do not settle"):
        simulated_sets(two_kinds(kinds.example()), KEY, 5)
