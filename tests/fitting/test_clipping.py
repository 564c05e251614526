"""The limit on gradients against a loop written out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.fitting.clipping import LOOKS, clip_to_running_norm


def gradient(norm):
    return {"a": jnp.array([0.6 * norm]), "b": jnp.array([[0.8 * norm]])}


def test_only_gradients_far_above_the_running_norm_are_scaled():
    clip = clip_to_running_norm(factor=3.0, decay=0.9)
    state = clip.init(None)
    first = [8e7, 2.0, 0.0, 5.0, 3e3]
    assert len(first) == LOOKS
    for norm in first:
        updates, state = clip.update(gradient(norm), state)
        np.testing.assert_array_equal(updates["b"], 0)
    mean = 2.0
    assert float(state.norm) == mean
    for norm in (2.0, 1.0, 50.0, 1.0, 0.0, 4.0):
        updates, state = clip.update(gradient(norm), state)
        limited = min(norm, 3 * mean)
        mean = 0.9 * mean + 0.1 * limited
        assert float(updates["a"][0]) == pytest.approx(0.6 * limited, rel=1e-5)
        assert float(updates["b"][0, 0]) == pytest.approx(0.8 * limited, rel=1e-5)
        assert float(state.norm) == pytest.approx(mean, rel=1e-5)


def test_gradients_of_zeros_before_any_other_stay_zero():
    clip = clip_to_running_norm(3.0)
    state = clip.init(None)
    for _ in range(LOOKS + 1):
        updates, state = clip.update(jnp.zeros(3), state)
        np.testing.assert_array_equal(updates, 0)
    updates, _ = clip.update(jnp.ones(4), state)  # of norm 2, which divides itself exactly on GPUs, too
    np.testing.assert_array_equal(updates, 1)
