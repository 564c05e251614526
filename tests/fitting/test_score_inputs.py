"""What the network of a score is shown."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.errors import UserError
from tuneful.fitting import Problem
from tuneful.fitting.score_inputs import ScoreInputs
from tuneful.objectives import EnergyDistance, Measured


def test_labels_are_told_and_have_their_own_cells(kinds):
    rates = np.random.default_rng(0).exponential(size=(12, 3))
    data = Measured.from_rates(rates, [0, 1, 1] * 4, (0.5, 0.5))
    inputs = ScoreInputs.of(Problem(kinds, EnergyDistance(), data, ("a", "b"), labels=(0, 1)))
    assert inputs.size == 3 + 2 + 3  # whitened rates, labels, silence
    assert [inputs.cells(label, 2).tolist() for label in (0, 1)] == [[0], [1]]
    shown = np.asarray(inputs.of_curves(jnp.asarray(rates[:1], jnp.float32), jnp.zeros(1, jnp.int32), 1))
    np.testing.assert_array_equal(shown[0, 3:5], [0, 1])


def test_every_unit_is_dealt_as_often_as_any_other(log_normal, problem_of, rates_of):
    rates = rates_of(0, 1, 5)[0]
    rates[0, 0] = np.nan
    inputs = ScoreInputs.of(problem_of(log_normal, rates))
    assert inputs.size == 3 + 3 + 3  # rates, which are missing, silence
    counts = np.bincount(np.asarray(inputs.dealt(0, 12, jax.random.key(0))), minlength=5)
    assert sorted(counts.tolist()) == [2, 2, 2, 3, 3]


def test_a_gain_of_all_cells_cannot_be_taken_out_of_one_curve(log_normal, rates_of):
    data = Measured.from_rates(rates_of(0, 1, 5)[0])
    with pytest.raises(UserError, match='fit relative to each "curve"'):
        ScoreInputs.of(Problem(log_normal, EnergyDistance(relative="label"), data, ("median",)))
