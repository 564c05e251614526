"""Which conditions to measure next, of curves whose information is known."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.experimental_design import (
    Criterion,
    Realised,
    best_conditions,
    ranked,
    units_against_conditions,
)
from tuneful.objectives import Generated

# Of six conditions in two parameters; with fewer than three, information needs many more curves.
SLOPES = np.array([[1.0, 0.0], [0.5, 0.0], [0.3, 0.1], [0.3, 0.1], [0.1, 1.0], [0.9, 0.0]])


@pytest.fixture(scope="module")
def realised():
    """Normal rates of deviation 1 around 10, whose means depend on the parameters: three are shown."""
    z = jax.random.normal(jax.random.key(0), (600, 6))
    tangents = jnp.broadcast_to(jnp.asarray(SLOPES, jnp.float32)[None], (600, 6, 2))
    return Realised(Generated(10 + z, jnp.ones(600)), tangents, present=3)


def exact(conditions):
    """Information of independent normal rates of deviation 1: sum of J J^T over conditions."""
    slopes = SLOPES[list(conditions)]
    return slopes.T @ slopes


def test_information_of_subsets_is_that_of_their_conditions(realised):
    """To a part of 150 landmarks in 600 curves, which weigh them, and its sampling error."""
    for added in ([], [4], [3, 4, 5]):
        found, expected = realised.per_curve(added), exact([0, 1, 2, *added])
        np.testing.assert_allclose(found, expected, atol=0.35 * np.abs(expected).max())


def test_the_condition_that_tells_of_the_unknown_parameter_is_the_best(realised):
    criterion = Criterion(100)
    assert ranked(realised, criterion)[0][0] == 4
    assert ranked(realised, Criterion(100, (1,)))[0][0] == 4
    assert ranked(realised, Criterion(100, (0,)))[0][0] == 5
    assert best_conditions(realised, criterion, 1) == [4]


def test_no_exchange_betters_the_choice(realised):
    """Of two of three candidates there are three choices, of which it is the best."""
    criterion = Criterion(100)
    chosen = best_conditions(realised, criterion, 2)
    every = [criterion(realised.per_curve(pair)) for pair in itertools.combinations(realised.candidates, 2)]
    assert criterion(realised.per_curve(chosen)) == min(every)
    with pytest.raises(ValueError, match="4 conditions cannot be chosen of 3 candidates"):
        best_conditions(realised, criterion, 4)


def test_exchanges_mend_what_greed_spoils(monkeypatch, realised):
    """The best single condition is in none of the best pairs."""
    values = {(3,): -3.0, (4,): -2.0, (5,): -2.0, (3, 4): -3.1, (3, 5): -3.2, (4, 5): -5.0}
    monkeypatch.setattr(Realised, "per_curve", lambda self, added=(): values[tuple(sorted(added))])
    assert sorted(best_conditions(realised, lambda value: value, 2)) == [4, 5]


def test_the_criterion_is_that_of_known_matrices():
    per_curve = np.diag([0.24, 0.0])
    criterion = Criterion(100)
    np.testing.assert_allclose(criterion.errors(per_curve), [0.2, 1.0])
    assert criterion(per_curve) == pytest.approx(np.log(0.2) / 2)
    assert Criterion(100, (0,))(per_curve) == pytest.approx(np.log(0.2))
    assert Criterion(100, (1,))(per_curve) == 0
    assert criterion(per_curve - np.diag([0, 0.001])) == criterion(per_curve)  # a negative one is none


def test_plans_have_one_cost(realised):
    plans = units_against_conditions(realised, Criterion(60), [4, 5], cost_unit=1.0, cost_condition=2.0)
    assert [plan.conditions for plan in plans] == [3, 4, 5]
    costs = [plan.units * (1 + 2 * plan.conditions) for plan in plans]
    assert costs == pytest.approx([60 * 11] * 3)
    assert plans[1].criterion < plans[0].criterion  # the first three say little of the second parameter
    with pytest.raises(ValueError, match="must not be negative"):
        units_against_conditions(realised, Criterion(60), [4], -1.0, 1.0)
