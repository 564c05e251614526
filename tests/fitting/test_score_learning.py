"""Learned scores of log-normal rates, whose Fisher information is known."""

import dataclasses

import jax
import numpy as np
import pytest

from tuneful.descents import Outcome, descend
from tuneful.errors import UserError
from tuneful.fitting.score_learning import ScoreDescent, ScorePlan, learned_score
from tuneful.fitting.unconstrained import unconstrained_values

MEDIAN, SPREAD, CONDITIONS = 5.0, 0.5, 3
FISHER = np.diag([CONDITIONS / SPREAD**2, 2.0 * CONDITIONS])  # of the logarithms of median and spread, a curve
SHORT = ScorePlan(spread=0.2, realisations=240, hidden=(1, 8), epochs=4)


def test_information_is_that_of_fisher(known):
    """Within four standard errors, which are small beside it; what a network misses can only lower it.

    The smoothed model knows less: I / (1 + s^2 I) of the median.
    """
    error = known.information_error
    assert (np.abs(known.information - FISHER) <= 4 * error + 0.2 * FISHER).all()
    assert (known.information <= FISHER + 4 * error).all()
    assert (np.diag(error) < 0.15 * np.diag(FISHER)).all()  # so that this can fail
    values, errors = known.eigenvalues
    np.testing.assert_allclose(values, np.linalg.eigvalsh(known.information)[::-1])
    assert (errors > 0).all()
    assert known.lost == 0
    smoothed = FISHER[0, 0] / (1 + known.plan.spread**2 * FISHER[0, 0])
    assert known.smoothed[0, 0] < smoothed + 4 * error[0, 0]


def test_one_step_estimates_scatter_as_the_bound_says(known, rates_of):
    """100 sets of 200 curves; a variance from 100 has a relative standard error of sqrt(2 / 99), four of them."""
    rates = rates_of(1, 100, 200, MEDIAN, SPREAD)
    scores = known.of_curves(rates.reshape(-1, 3).astype(np.float32), np.zeros(20000, np.int32)).reshape(100, 200, 2)
    (moments,) = known.moments
    apart = scores.mean(axis=1) - moments.mean
    steps = np.linalg.solve(moments.sensitivity, moments.gain.T @ moments.precision @ apart.T).T
    bound = np.diag(np.linalg.inv(200 * FISHER))
    assert (steps.var(axis=0, ddof=1) < bound * (1 + 4 * np.sqrt(2 / 99))).all()
    assert (steps.var(axis=0, ddof=1) > bound * (1 - 4 * np.sqrt(2 / 99))).all()
    of_simulation = np.sqrt(bound * (1 / 100 + 200 / (720 * 4)))  # the mean at the centre is that of 2,880 curves
    assert (np.abs(steps.mean(axis=0)) < 4 * of_simulation).all()


@pytest.mark.parametrize("stop_after", [1, 3])
def test_it_goes_on_after_a_kill_with_the_same_bits(log_normal, problem_of, rates_of, keep, stop_after):
    def descent():
        problem = problem_of(log_normal, rates_of(0, 1, 300)[0])
        centre = unconstrained_values(log_normal, problem.fitted)
        return ScoreDescent(problem, centre, SHORT, jax.random.key(1))

    whole = descend(descent())
    assert whole.ending.outcome is Outcome.MAX_STEPS
    begun = descend(descent(), keeper=keep, observers=[lambda moment: moment.steps >= stop_after])
    assert begun.ending.outcome is Outcome.INTERRUPTED
    resumed = descend(descent(), keeper=keep)
    assert descent().steps(resumed.state) == descent().steps(whole.state) == 1 + 1 + 4
    scores = [descent().score(done.state) for done in (whole, resumed)]
    np.testing.assert_array_equal(scores[0].information, scores[1].information)
    np.testing.assert_array_equal(scores[0].information_error, scores[1].information_error)


def test_missing_conditions_cost_information(log_normal, problem_of, rates_of, plan):
    """Two of three conditions of every curve: two thirds of the information."""
    rates = rates_of(0, 1, 300)[0]
    rates[np.arange(300), np.arange(300) % 3] = np.nan
    score = learned_score(problem_of(log_normal, rates), log_normal, plan, key=0)
    assert (score.information <= 2 / 3 * FISHER + 4 * score.information_error).all()
    assert (score.information >= 2 / 3 * FISHER - 4 * score.information_error - 0.2 * FISHER).all()


def test_networks_that_do_not_settle_are_counted_and_left_out(log_normal, problem_of, rates_of):
    """Half of the draws have a median above that of the centre; if the centre is beyond the edge, most have."""

    def descent(edge):
        edged = dataclasses.replace(log_normal, edge=edge)
        problem = problem_of(edged, rates_of(0, 1, 300)[0])
        return ScoreDescent(problem, unconstrained_values(edged, problem.fitted), SHORT, jax.random.key(1))

    half = descent(MEDIAN * 1.0001)
    drawn = half.step(half.init())[0].around
    assert drawn.lost == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / SHORT.realisations))
    assert (drawn.z[drawn.usable, 0] < 0.01).all()  # the median comes before the spread
    assert not drawn.rates[~drawn.usable].any()
    done = descend(descent(MEDIAN / 2))
    assert done.ending.outcome is Outcome.LOST
    assert "100% of the realisations around the answer do not settle" in str(done.ending)


@pytest.mark.parametrize("wrong", [{"realisations": 99}, {"spread": 0.0}, {"spread": np.nan}, {"spread": np.inf}])
def test_a_plan_that_is_none_is_refused(wrong):
    with pytest.raises(UserError, match="at least 100 realisations"):
        ScorePlan(**wrong)
