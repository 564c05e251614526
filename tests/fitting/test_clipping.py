"""The limit on gradients against a loop written out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.fitting.clipping import clip_to_running_norm


def test_only_gradients_far_above_the_running_norm_are_scaled():
    clip = clip_to_running_norm(factor=3.0, decay=0.9)
    state, mean = clip.init(None), 0.0
    for norm in (2.0, 1.0, 50.0, 1.0, 0.0, 4.0):
        gradient = {"a": jnp.array([0.6 * norm]), "b": jnp.array([[0.8 * norm]])}
        updates, state = clip.update(gradient, state)
        limited = norm if mean == 0 else min(norm, 3 * mean)
        mean = limited if mean == 0 else 0.9 * mean + 0.1 * limited
        assert float(updates["a"][0]) == pytest.approx(0.6 * limited, rel=1e-5)
        assert float(updates["b"][0, 0]) == pytest.approx(0.8 * limited, rel=1e-5)
        assert float(state.norm) == pytest.approx(mean, rel=1e-5)


def test_a_gradient_of_zeros_before_any_other_stays_zero():
    clip = clip_to_running_norm(3.0)
    updates, state = clip.update(jnp.zeros(3), clip.init(None))
    np.testing.assert_array_equal(updates, 0)
    updates, _ = clip.update(jnp.ones(3), state)
    np.testing.assert_array_equal(updates, 1)
