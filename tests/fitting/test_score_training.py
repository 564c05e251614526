"""A network on a problem whose answer is known, and on one that has none."""

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.fitting.score_training import Regression, epoch

CURVES = 1024


def trained(inputs, targets, epochs=20):
    held_out = inputs[:256], targets[:256]
    state = Regression.start(jax.random.key(0), inputs.shape[1], targets.shape[1], (1, 16))
    for number in range(epochs):
        if state.has_ended:
            break
        key = jax.random.key(number)
        state = epoch(state, inputs[256:], targets[256:], held_out, key, 0.01, 64)
    return state


def test_it_explains_what_can_be_explained_and_nothing_where_there_is_nothing():
    """y = x + z of equal variances explains half of y; 4 standard errors of a mean square of 256, sqrt(2 / 256)."""
    x, z, other = (jax.random.normal(jax.random.key(i), (CURVES, 1)) for i in range(3))
    half = trained(x, (x + z) / jnp.sqrt(2.0))
    assert abs(half.explained - 0.5) < 4 * 0.5 * np.sqrt(2 / 256) + 0.05  # and what so few leave unlearned
    blind = trained(other, (x + z) / jnp.sqrt(2.0), epochs=60)
    assert blind.explained < 4 * np.sqrt(2 / 256)
    assert blind.has_ended
