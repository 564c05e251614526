"""The two rules by themselves."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.networks import GradientRule, RewardRule


class Bowl(eqx.Module):
    """A task with a simple error, to look at rules alone."""

    centre: jax.Array

    def error(self, gains):
        return jnp.sum((gains - self.centre) ** 2)


def test_the_published_rule_step_by_step():
    """Its equations in plain Python, with the same random numbers."""
    task, rule, noise, memory = Bowl(jnp.array([2.0, -0.5, 0.7])), RewardRule(0.05, 0.3), 0.05, 0.3
    gains, seed = jnp.ones(3), jax.random.key(0)
    error, carried = rule.start(task, gains)
    g = g_bar = np.ones(3)
    e_bar, r = float(error), 0.0
    for k in range(100):
        key = jax.random.fold_in(seed, k)
        gains, error, carried = rule.advance(task, gains, carried, key)
        xi = np.asarray(jax.random.normal(key, (3,)), float)
        g = np.maximum(g + r * (g - g_bar) + noise * xi, 0)
        e = np.sum((g - np.asarray(task.centre)) ** 2)
        r = np.sign(e_bar - e)
        e_bar, g_bar = memory * e_bar + (1 - memory) * e, memory * g_bar + (1 - memory) * g
        np.testing.assert_allclose(gains, g, atol=1e-4)  # float32 over 100 steps of size 0.1
        assert float(error) == pytest.approx(e, rel=1e-3, abs=1e-4)
    assert gains.min() >= 0


@pytest.mark.parametrize(
    ("rule", "settings"), [(GradientRule, (0.0,)), (RewardRule, (0.0,)), (RewardRule, (0.1, 1.0))]
)
def test_rules_refuse_settings_without_learning(rule, settings):
    with pytest.raises(ValueError, match="must be positive"):
        rule(*settings)
