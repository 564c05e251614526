"""The rule of convergence and the estimate."""

import numpy as np
import pytest

from tuneful.descents import Outcome
from tuneful.fitting import Stopping

RULE = Stopping(max_steps=100, window=20, tolerance=0.05)


def walk(steps, drift=0.0, noise=0.02, seed=0):
    rng = np.random.default_rng(seed)
    return np.linspace(0, drift * steps, steps)[:, None] + noise * rng.standard_normal((steps, 3))


def test_goes_on_until_two_windows_agree():
    assert RULE.ending(walk(39), failed=0) is None
    assert RULE.ending(walk(40), failed=0).outcome is Outcome.CONVERGED
    assert RULE.ending(walk(60, drift=0.01), failed=0) is None


def test_one_drifting_parameter_is_enough_to_go_on():
    path = walk(60)
    path[:, 1] += np.linspace(0, 1, 60)
    assert RULE.ending(path, failed=0) is None
    assert RULE.drift(path) == pytest.approx(20 / 59, abs=0.05)


def test_stops_at_the_maximum_and_when_gradients_fail():
    ended, failed = RULE.ending(walk(100, drift=0.01), failed=0), RULE.ending(walk(30), failed=20)
    assert (ended.outcome, str(ended)) == (Outcome.MAX_STEPS, "reached the maximum of 100 steps")
    assert failed.outcome is Outcome.LOST
    assert "20 steps in a row could not be taken" in str(failed)


def test_the_estimate_averages_the_last_window():
    path = walk(100, noise=0.0)
    path[-20:] = np.arange(60).reshape(20, 3)
    np.testing.assert_allclose(RULE.estimate(path), path[-20:].mean(0))
    np.testing.assert_allclose(RULE.estimate(path[:10]), path[5:10].mean(0))
    np.testing.assert_allclose(RULE.estimate(path[:1]), path[0])


def test_where_nothing_moves_nothing_has_converged():
    path = np.concatenate([walk(10), np.ones((20, 3))])
    assert RULE.ending(path[:-1], failed=0) is None
    found = RULE.ending(path, failed=0)
    assert found.outcome is Outcome.NO_GRADIENT
    assert "no parameter moved in 20 steps" in str(found)
