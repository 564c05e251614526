"""The descent of a stability-optimised circuit goes on from what was kept, with the same bits."""

import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.stability import stabilize

SMALL = random_network(60, 0, radius=4.0)


@pytest.mark.parametrize(
    "options", [{}, {"sparsity": "replace", "seed": 3}, {"shift": None, "faithful": True}], ids=str
)
def test_stopped_kept_and_gone_on_is_the_same(options, keep):
    def stabilized(max_steps=12, **more):
        return stabilize(SMALL.weights, SMALL.excitatory, 0.3, max_steps=max_steps, **options, **more)

    whole, part = stabilized(), stabilized(max_steps=4, keeper=keep)
    assert (part.outcome, part.steps, keep.steps) == ("max_steps", 4, 4)
    rest = stabilized(keeper=keep)
    assert (rest.steps, rest.outcome) == (whole.steps, whole.outcome)
    np.testing.assert_array_equal(rest.weights, whole.weights)
    np.testing.assert_array_equal(rest.history, whole.history)
    for name, array in whole.state.to_arrays().items():
        np.testing.assert_array_equal(rest.state.to_arrays()[name], array)


def test_ctrl_c_keeps_a_whole_state(keep):
    def press(moment):
        if moment.steps == 3:
            raise KeyboardInterrupt

    whole = stabilize(SMALL.weights, target=0.6)
    assert stabilize(SMALL.weights, target=0.6, keeper=keep, observers=[press]).outcome == "interrupted"
    assert keep.steps == 2  # of the third not all observers know
    rest = stabilize(SMALL.weights, target=0.6, keeper=keep)
    np.testing.assert_array_equal(rest.weights, whole.weights)
    np.testing.assert_array_equal(rest.history, whole.history)


def test_a_state_that_never_was_evaluated_is_so_when_it_is_taken_up():
    """A run that was killed between two steps may have left it."""
    part, whole = stabilize(SMALL.weights, target=0.6, max_steps=3), stabilize(SMALL.weights, target=0.6)
    arrays = part.state.to_arrays()
    state = type(part.state).from_arrays(arrays | {"abscissae": arrays["abscissae"][:3]})
    np.testing.assert_array_equal(stabilize(SMALL.weights, target=0.6, state=state).history, whole.history)
