"""The descent of an operating point goes on from what was kept, with the same bits; ends where nothing began."""

from functools import partial

import jax
import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks.supralinear import saturating_power_law
from tuneful.stability import stabilize_operating_point

GAIN = partial(saturating_power_law, k=0.04, n=2.0, r0=100.0, r1=200.0)
INPUTS = 10 + 2 * np.random.default_rng(3).normal(size=(2, 30))
RUNAWAY = random_network(30, 4, density=0.4, radius=3.0, gamma=0.5)  # begins at weaker excitation


def stabilized(**options):
    given = {"target": -0.02, "ceiling": 100.0} | options
    return stabilize_operating_point(RUNAWAY.weights, INPUTS, GAIN, (20.0, 10.0), **given)


def assert_same(ours, whole):
    assert (ours.outcome, ours.steps) == (whole.outcome, whole.steps)
    for name in ("weights", "rates", "history", "strengths", "abscissae"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(whole, name))


@pytest.mark.parametrize("steps", [0, 1, 4, 9])
def test_stopped_kept_and_gone_on_is_the_same(steps, keep):
    whole = stabilized(target=-0.048, max_steps=14)
    part = stabilized(target=-0.048, max_steps=steps, keeper=keep)
    assert (part.outcome, part.steps, keep.steps) == ("max_steps", steps, steps)
    assert_same(stabilized(target=-0.048, max_steps=14, state=part.state), whole)
    assert_same(stabilized(target=-0.048, max_steps=14, keeper=keep), whole)


def test_ctrl_c_keeps_a_whole_state(keep):
    def press(moment):
        assert moment.record is None if moment.steps == 0 else moment.record.abscissa == moment.state.abscissa
        if moment.steps == 5:
            raise KeyboardInterrupt

    assert stabilized(keeper=keep, observers=[press]).outcome == "interrupted"
    assert_same(stabilized(keeper=keep), stabilized())


def test_a_state_belongs_to_its_network():
    part = stabilized(max_steps=0)
    with pytest.raises(ValueError, match="state is of 2 conditions and 30 cells, not 1 and 30"):
        stabilize_operating_point(RUNAWAY.weights, INPUTS[0], GAIN, (20.0, 10.0), -0.02, state=part.state)


def test_what_has_no_beginning_is_kept_too(keep):
    for _ in range(2):
        circuit = stabilized(eps=1e-300, keeper=keep)
        assert (circuit.outcome, circuit.steps, len(circuit.history), circuit.checks) == ("no_gradient", 0, 0, ())
        assert np.isnan(circuit.rates).all()
    assert jax.tree.leaves(circuit.state.now.to_arrays())
