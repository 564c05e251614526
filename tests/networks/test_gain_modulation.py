"""Learning gains: what holds whatever the rule."""

from typing import final

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks import (
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
INITIAL = 1.5 * np.sqrt(N) * preferred_states(W)[1][:, 0]
RATES = np.asarray(rate_transients(W, INITIAL, TIMES).rates)
READOUT = fit_readout(RATES, 10 * np.sin(2 * TIMES), NETWORK.excitatory)
GAINS = np.random.default_rng(1).uniform(0.7, 1.4, N)
TARGET = np.asarray(READOUT(rate_transients(W, INITIAL, TIMES, GAINS, step=0.1).rates))  # gains can reach it


def learn(**options):
    given = {"weights": W, "initial": INITIAL, "readout": READOUT, "target": TARGET, "times": TIMES, "step": 0.1}
    return learn_gains(**(given | options))


def test_the_gradient_reaches_what_gains_can_reach():
    learned = learn(iterations=300)
    assert learned.errors[0] > 0.05
    assert learned.error < 1e-3
    assert learned.outcome == "max_steps"
    assert len(learned.errors) == 301
    assert learned.error == learned.errors.min()


def test_the_result_is_what_its_gains_produce():
    learned = learn(iterations=20)
    output = READOUT(np.asarray(rate_transients(W, INITIAL, TIMES, learned.gains, step=0.1).rates))
    np.testing.assert_allclose(learned.output, output, atol=1e-4)  # float32, rates of 10 Hz
    error = np.sum((output - TARGET) ** 2) / np.sum((TARGET - TARGET.mean()) ** 2)
    assert learned.error == pytest.approx(error, rel=1e-3)
    assert learned.abscissa == pytest.approx(np.linalg.eigvals(W * learned.gains).real.max(), rel=1e-6)


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
def test_learning_goes_on_with_the_same_bits(method, keep):
    whole = learn(method=method, iterations=12, seed=3)
    part = learn(method=method, iterations=5, seed=3, keeper=keep)
    rest = learn(method=method, iterations=12, seed=3, state=part.state)
    from_disk = learn(method=method, iterations=12, seed=3, keeper=keep)
    assert keep.steps == 12
    for ours in (rest, from_disk):
        np.testing.assert_array_equal(ours.errors, whole.errors)
        np.testing.assert_array_equal(ours.gains, whole.gains)


def test_ctrl_c_and_observers_return_the_best_so_far():
    def press(moment):
        assert moment.record is None if moment.steps == 0 else moment.record.error == moment.state.error
        if moment.steps == 4:
            raise KeyboardInterrupt

    pressed = learn(observers=[press])
    stopped = learn(observers=[lambda moment: moment.steps == 4])
    assert pressed.outcome == stopped.outcome == "interrupted"
    assert (len(pressed.errors), len(stopped.errors)) == (4, 5)  # the last is not known to all observers
    assert pressed.error == pressed.errors.min()
    whole, rest = learn(iterations=8), learn(iterations=8, state=pressed.state)
    np.testing.assert_array_equal(rest.errors, whole.errors)


def test_a_goal_ends_learning():
    learned = learn(goal=0.01)
    assert learned.outcome == "reached"
    assert learned.error <= 0.01 < learned.errors[-2]
    assert learn(goal=0.01, state=learned.state).state.iterations == learned.state.iterations


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
    assert learned.outcome == "not_finite"
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
        ({"initial": INITIAL[:3]}, "initial"),
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
        learn(method="reward", seed=0, state=state)
    with pytest.raises(ValueError, match="not of this task"):
        learn(groups=np.arange(N) // 2, state=state)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"iterations": 1.5}, "iterations must be a whole number"),
        ({"goal": "a"}, "goal must be a number"),
        ({"seed": 0.5, "method": "reward"}, "seed must be a whole number"),
        ({"method": ["gradient"]}, "method must be one of"),
        ({"readout": (np.ones(N), 0.0)}, "readout must be a Readout"),
        ({"state": 3}, "state must be that of an earlier result"),
        ({"step": 1e-12}, "take a longer step"),
        ({"weights": 1j * W}, "not complex ones"),
        ({"drive": "a"}, "drive must be real numbers"),
    ],
)
def test_arguments_of_other_kinds(changed, message):
    with pytest.raises(ValueError, match=message):
        learn(**changed)


@pytest.mark.parametrize("changed", [{"n": 5.0}, {"groups": 2.5}, {"seed": None}, {"seed": -1}, {"n": 10**12}])
def test_groups_of_other_kinds(changed):
    with pytest.raises(ValueError, match=r"must be a whole number|At most"):
        random_groups(**{"n": 5, "groups": 2, "seed": 0} | changed)
