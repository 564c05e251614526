"""Steps of a learned score from an answer that is not the best one."""

import dataclasses

import jax
import numpy as np
import pytest

from tuneful.descents import Outcome, descend
from tuneful.errors import UserError
from tuneful.fitting.places import LossDifference
from tuneful.fitting.score_learning import ScorePlan
from tuneful.fitting.score_steps import REACH, OneStepDescent, Stepped, one_step
from tuneful.fitting.unconstrained import unconstrained_values

UNITS = 300
BOUND = np.sqrt([0.5**2 / 3 / UNITS, 1 / 6 / UNITS])  # of the logarithms of median and spread
SMALL = ScorePlan(realisations=240, hidden=(1, 8), epochs=4)
SAME_LOSS = LossDifference(0.0, 0.0, 0.0, 8000)
AWAY = {"median": 5.0 * np.exp(-0.1), "spread": 0.5 * np.exp(-0.1)}


@pytest.fixture(scope="module")
def problem(log_normal, problem_of, rates_of):
    return problem_of(log_normal, rates_of(2, 1, UNITS)[0])


@pytest.fixture(scope="module")
def stepped(problem, log_normal, plan):
    answer = unconstrained_values(log_normal.with_values(AWAY), problem.fitted)
    return one_step(problem, answer, plan, jax.random.key(0))


def test_from_a_tenth_away_it_comes_within_what_the_data_know(stepped, rates_of):
    """To the estimate of highest likelihood but for simulation, of 2,880 curves, and what the network misses."""
    logs = np.log(rates_of(2, 1, UNITS)[0])
    best = np.log([np.exp(logs.mean()), logs.std()])
    assert stepped.is_taken
    assert stepped.directions == 2
    assert (np.abs(stepped.points[0] - best) > 4 * BOUND).all()
    assert (np.abs(stepped.point - best) < 4 * BOUND * np.sqrt(UNITS / 2880) + BOUND).all()
    assert stepped.distances[1] < 1 < 30 < stepped.distances[0]
    assert stepped.loss.mean < 0
    deviations = np.sqrt(np.diag(stepped.covariance))
    assert ((deviations > 0.8 * BOUND) & (deviations < 1.5 * BOUND)).all()
    table = stepped.table(["median", "spread"])
    assert "led to the answer" in table["words"]
    assert table["moved"]["median"] > 0
    assert table["moved"]["spread"] > 0


def test_an_answer_that_the_loss_prefers_is_kept(stepped):
    worse = dataclasses.replace(stepped, loss=LossDifference(0.031, 0.01, 0.0, 8000))
    assert not worse.is_taken
    np.testing.assert_array_equal(worse.point, stepped.points[0])
    assert "made the loss worse (+0.031 +- 0.01), and the answer before them is kept" in worse.words
    assert dataclasses.replace(stepped, loss=LossDifference(0.029, 0.01, 0.0, 8000)).is_taken
    nowhere = Stepped(stepped.score, stepped.points[:1], 2, (3.0, 3.0), np.zeros(1), UNITS, SAME_LOSS, 0.0)
    assert not nowhere.is_taken
    assert "no step" in nowhere.words


def test_a_step_beyond_where_the_score_was_learned_is_no_estimate(problem, log_normal, stepped, whole):
    """From .5 away, and a score learned within .2: the answer is kept, whatever the loss prefers."""
    assert 0 < stepped.reach < REACH
    descent = descent_of(problem, log_normal, {"median": 5.0 * np.exp(-0.5), "spread": 0.5})
    end = descend(descent).state
    assert end.ended
    assert len(end.points) == 1
    assert end.reach > REACH
    found = descent.found(end, jax.random.key(2))
    assert not found.is_taken
    np.testing.assert_array_equal(found.point, end.points[0])
    assert f"leads {end.reach:.1f} times its spread of 0.2 away" in found.words
    assert not dataclasses.replace(stepped, reach=1.1 * REACH).is_taken


def descent_of(problem, log_normal, at=AWAY):
    answer = unconstrained_values(log_normal.with_values(at), problem.fitted)
    return OneStepDescent(problem, answer, SMALL, jax.random.key(1))


@pytest.fixture(scope="module")
def whole(problem, log_normal):
    """The end of a short descent."""
    return descend(descent_of(problem, log_normal)).state


def test_steps_do_not_lead_to_where_networks_do_not_settle(problem, log_normal, whole):
    """The whole step leads from a median of 4.52 to 5, and none settles above 4.8."""
    edged = dataclasses.replace(problem, circuit=dataclasses.replace(log_normal, edge=4.8))
    descent = descent_of(edged, log_normal)
    there = descend(descent, state=dataclasses.replace(descent.init(), score=whole.score)).state
    assert np.exp(whole.points[-1, 0]) > 4.8
    assert (np.exp(there.points[:, 0]) < 4.8).all()
    assert (there.lost == 0).all()
    assert len(there.points) > 1


@pytest.mark.parametrize("stop_after", [2, 7])
def test_it_goes_on_after_a_kill_with_the_same_bits(problem, log_normal, whole, keep, stop_after):
    begun = descend(
        descent_of(problem, log_normal), keeper=keep, observers=[lambda moment: moment.steps >= stop_after]
    )
    assert begun.ending.outcome is Outcome.INTERRUPTED
    resumed = descend(descent_of(problem, log_normal), keeper=keep)
    assert resumed.ending.outcome is Outcome.REACHED
    np.testing.assert_array_equal(resumed.state.points, whole.points)
    np.testing.assert_array_equal(resumed.state.means, whole.means)


def test_where_nothing_settles_it_is_said(problem, log_normal, plan):
    edged = dataclasses.replace(problem, circuit=dataclasses.replace(log_normal, edge=1.0))
    with pytest.raises(UserError, match="do not settle"):
        one_step(edged, problem.start(), plan, jax.random.key(0))
