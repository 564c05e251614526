"""Refinement on functions with known minima."""

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.fitting.refinement import PATIENCE, RefinementState


def minimise(function, start, steps, valid=lambda point: True):
    """Refine a function of a few numbers; every state on the way."""
    evaluate = jax.jit(jax.value_and_grad(function))
    states = [RefinementState.start(jnp.array(start), jax.random.key(0))]
    for _ in range(steps):
        loss, gradient = evaluate(states[-1].trial)
        states.append(states[-1].after(loss, gradient, jnp.array(valid(states[-1].trial)), 0.0))
    return states


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def test_a_narrow_curved_valley_is_followed_to_its_end(x64):
    states = minimise(rosenbrock, [-1.2, 1.0], 120)
    np.testing.assert_allclose(states[-1].best, [1, 1], atol=1e-6)


def test_a_quadratic_of_condition_ten_thousand_takes_tens_of_steps(x64):
    scale = jnp.geomspace(1, 1e4, 6)
    states = minimise(lambda x: jnp.sum(scale * (x - 0.3) ** 2), [0.0] * 6, 60)
    np.testing.assert_allclose(states[-1].best, 0.3, atol=1e-4)


def test_the_loss_never_rises_and_what_is_invalid_is_never_kept(x64):
    """Half the plane is out of bounds, where the function would be lower."""
    states = minimise(lambda x: (x[0] - 2) ** 2 + x[1] ** 2, [0.0, 1.0], 60, valid=lambda point: bool(point[0] < 1))
    losses = [float(state.loss) for state in states[1:]]
    assert losses == sorted(losses, reverse=True)
    assert all(state.best[0] < 1 for state in states)
    assert states[-1].best[0] > 0.9


def test_nan_is_a_step_that_was_too_long(x64):
    states = minimise(
        lambda x: jnp.sum(jnp.sqrt(x) ** 2 - jnp.log(x)), [3.0], 40, valid=lambda point: bool(point > 0)
    )
    np.testing.assert_allclose(states[-1].best, 1, atol=1e-4)  # d(x - log x)/dx = 0


def test_steps_without_a_fall_are_counted():
    states = minimise(lambda x: jnp.sum(x**2), [1.0], 40)
    assert int(states[1].since) == 0
    assert int(states[-1].since) > PATIENCE


def test_a_step_is_lengthened_where_the_loss_bends_down(x64):
    """Along a hill that gets steeper there is no curvature to learn: each step is twice as long as the last."""
    states = minimise(lambda x: -jnp.sum(jnp.cosh(x)), [0.5], 5)
    assert not any(bool(state.learned) for state in states)
    scales = [float(state.step_scale) for state in states[1:]]
    assert scales == [1, 2, 4, 8, 16]
