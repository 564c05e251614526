"""Learning gains: the two rules by themselves, and what holds whatever the rule."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks import (
    GradientRule,
    Readout,
    RewardRule,
    fit_readout,
    learn_gains,
    random_groups,
    rate_transients,
)
from tuneful.networks.gain_rules import AbstractGainRule
from tuneful.networks.scalars import preferred_states

N, TIMES = 20, np.linspace(0, 2, 11)
NETWORK = random_network(N, 0, density=0.3, radius=0.9)
W = NETWORK.weights
STATE = 1.5 * np.sqrt(N) * preferred_states(W)[1][:, 0]
RATES = np.asarray(rate_transients(W, STATE, TIMES).rates)
READOUT = fit_readout(RATES, 10 * np.sin(2 * TIMES), NETWORK.excitatory)
GAINS = np.random.default_rng(1).uniform(0.7, 1.4, N)
TARGET = np.asarray(READOUT(rate_transients(W, STATE, TIMES, GAINS, step=0.1).rates))  # gains can reach it


@pytest.fixture(autouse=True, scope="module")
def quick_compilation():
    """Most of the time is compilation; the network is small."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def learn(**options):
    given = {"weights": W, "state": STATE, "readout": READOUT, "target": TARGET, "times": TIMES, "step": 0.1}
    return learn_gains(**(given | options))


class Bowl(eqx.Module):
    """A task with a simple error, to look at rules alone."""

    centre: jax.Array

    def error(self, gains):
        return jnp.sum((gains - self.centre) ** 2)


def test_the_gradient_reaches_what_gains_can_reach():
    learned = learn(iterations=300)
    assert learned.errors[0] > 0.05
    assert learned.error < 1e-3
    assert learned.reason == "iterations"
    assert len(learned.errors) == 301
    assert learned.error == learned.errors.min()


def test_the_result_is_what_its_gains_produce():
    learned = learn(iterations=20)
    output = READOUT(np.asarray(rate_transients(W, STATE, TIMES, learned.gains, step=0.1).rates))
    np.testing.assert_allclose(learned.output, output, atol=1e-4)  # float32, rates of 10 Hz
    error = np.sum((output - TARGET) ** 2) / np.sum((TARGET - TARGET.mean()) ** 2)
    assert learned.error == pytest.approx(error, rel=1e-3)
    assert learned.abscissa == pytest.approx(np.linalg.eigvals(W * learned.gains).real.max(), rel=1e-6)


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


def test_reward_alone_teaches():
    learned = learn(method=RewardRule(noise=0.01), iterations=600, seed=0)
    assert learned.error < 0.3 * learned.errors[0]


def test_the_seed_decides_and_only_the_seed():
    first, again, other = (learn(method="reward", iterations=5, seed=s).gains for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("method", ["gradient", "reward"])
def test_cells_of_a_group_share_their_gain(method):
    groups = random_groups(N, 3, seed=0)
    learned = learn(method=method, groups=groups, iterations=30, seed=0)
    assert learned.group_gains.shape == (3,)
    np.testing.assert_array_equal(learned.gains, learned.group_gains[groups])
    assert len(np.unique(learned.gains)) == 3
    assert learned.error < learned.errors[0]


def test_random_groups_have_equal_sizes():
    groups = random_groups(20, 6, seed=0)
    assert sorted(np.bincount(groups)) == [3, 3, 3, 3, 4, 4]
    assert (groups != np.arange(20) % 6).any()
    with pytest.raises(ValueError, match="1 to 20"):
        random_groups(20, 21, seed=0)


@pytest.mark.parametrize("method", ["gradient", "reward"])
def test_learning_goes_on_with_the_same_bits(method):
    whole = learn(method=method, iterations=12, seed=3)
    part = learn(method=method, iterations=5, seed=3)
    rest = learn(method=method, iterations=12, seed=3, resume=part.state)
    np.testing.assert_array_equal(rest.errors, whole.errors)
    np.testing.assert_array_equal(rest.gains, whole.gains)


def test_ctrl_c_and_callbacks_return_the_best_so_far():
    def press(iterations, error):
        if iterations == 4:
            raise KeyboardInterrupt

    pressed = learn(callback=press)
    stopped = learn(callback=lambda iterations, error: iterations == 4)
    assert pressed.reason == stopped.reason == "interrupted"
    assert len(pressed.errors) == len(stopped.errors) == 5
    assert pressed.error == pressed.errors.min()


def test_a_goal_ends_learning():
    learned = learn(goal=0.01)
    assert learned.reason == "reached"
    assert learned.error <= 0.01 < learned.errors[-2]
    assert learn(goal=0.01, resume=learned.state).state.iterations == learned.state.iterations


@final
class Exploding(AbstractGainRule):
    """Good for two iterations."""

    def start(self, task, gains):
        return task.error(gains), 0

    def advance(self, task, gains, memory, key):
        gains = gains * jnp.where(memory < 2, 0.99, jnp.nan)
        return gains, task.error(gains), memory + 1


def test_what_is_not_a_number_ends_learning_with_the_best_so_far():
    learned = learn(method=Exploding())
    assert learned.reason == "not_finite"
    assert len(learned.errors) == 3
    assert np.isfinite(learned.gains).all()
    assert np.isfinite(learned.output).all()


def test_outputs_can_be_several():
    target = np.stack([TARGET, TARGET[::-1]], axis=1)
    learned = learn(readout=fit_readout(RATES, target[::-1]), target=target, iterations=30)
    assert learned.output.shape == target.shape
    assert learned.error < learned.errors[0]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"weights": W[:3]}, "shape"),
        ({"weights": W * np.nan}, "not finite"),
        ({"state": STATE[:3]}, "state"),
        ({"target": TARGET[:3]}, "row a time"),
        ({"target": TARGET * np.nan}, "target"),
        ({"target": np.ones(11)}, "constant"),
        ({"readout": Readout(np.ones(3), 0.0)}, "readout"),
        ({"times": TIMES[::-1]}, "increase"),
        ({"method": "magic"}, "gradient, reward"),
        ({"method": "reward"}, "seed"),
        ({"groups": np.arange(3)}, "groups"),
        ({"groups": np.arange(N) + 1}, "groups"),
        ({"gains": -1.0}, "gains"),
        ({"gains": np.ones(3)}, "gains"),
        ({"iterations": -1}, "iterations"),
        ({"goal": np.nan}, "goal"),
        ({"tau": np.ones(3)}, "tau"),
        ({"drive": np.nan}, "drive"),
        ({"largest": 10.0}, "baseline"),
    ],
)
def test_bad_input_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        learn(**change)


def test_states_of_something_else_are_refused():
    state = learn(iterations=1).state
    with pytest.raises(ValueError, match="20 gains learned by GradientRule"):
        learn(method="reward", seed=0, resume=state)
    with pytest.raises(ValueError, match="not of this task"):
        learn(groups=np.arange(N) // 2, resume=state)


@pytest.mark.parametrize(
    ("rule", "settings"), [(GradientRule, (0.0,)), (RewardRule, (0.0,)), (RewardRule, (0.1, 1.0))]
)
def test_rules_refuse_settings_without_learning(rule, settings):
    with pytest.raises(ValueError, match="must be positive"):
        rule(*settings)
