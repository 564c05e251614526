"""An inference step by step, where the loss is known in closed form."""

import dataclasses

import jax
import numpy as np
import pytest

from tuneful.analysis.inference_descent import InferenceDescent
from tuneful.analysis.inference_remarks import not_resolved, remarks, still_falling
from tuneful.analysis.inference_settings import InferenceSettings
from tuneful.descents import Outcome, descend

EVERYTHING = InferenceSettings(method=("bootstrap", "profile"), refits=2, replicates=20)


def descent(problem, settings=EVERYTHING):
    return InferenceDescent(problem, settings, np.arange(400), jax.random.key(5))


def test_it_goes_to_the_minimum_first(quadratic):
    about = descent(quadratic, InferenceSettings())
    done = descend(about)
    assert done.ending.outcome is Outcome.REACHED
    minimum = about.minimum(done.state)
    np.testing.assert_allclose(minimum.point, quadratic.centre, atol=1e-6)
    np.testing.assert_allclose(minimum.covariance, quadratic.minimum().covariance, rtol=1e-6)
    assert not still_falling(done.state.candidate, minimum).any()
    said = remarks(quadratic.coordinates, minimum, np.zeros(4, bool), 1000, 400)
    assert "standard errors from the minimum" in said[0]


def test_the_curvature_is_found_by_differences_where_the_objective_does_not_know_it(quadratic):
    blind = descent(dataclasses.replace(quadratic, knows_curvature=False), InferenceSettings())
    found = blind.minimum(descend(blind).state)
    np.testing.assert_allclose(found.curvature, quadratic.minimum().curvature, atol=1e-8)


@pytest.mark.parametrize("stop_after", [1, 3, 10, 30])
def test_it_goes_on_after_a_kill_with_the_same_bits(quadratic, keep, stop_after):
    whole = descend(descent(quadratic)).state
    begun = descend(descent(quadratic), keeper=keep, observers=[lambda moment: moment.steps >= stop_after])
    assert begun.ending.outcome is Outcome.INTERRUPTED
    assert keep.steps == stop_after
    resumed = descend(descent(quadratic), keeper=keep).state
    for name in ("bends", "replicates", "profiles", "scores"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    assert len(whole.replicates) == 20
    assert descent(quadratic).steps(whole) == descent(quadratic).steps(resumed) > 36


def test_where_most_realisations_are_lost_there_are_no_intervals(quadratic):
    done = descend(descent(dataclasses.replace(quadratic, edge=-np.inf)))
    assert done.ending.outcome is Outcome.LOST
    assert "realisations do not settle" in str(done.ending)


def test_what_the_loss_still_falls_with_is_named(quadratic):
    """Where there are too few steps to get there."""
    far = dataclasses.replace(quadratic)
    about = descent(far, InferenceSettings(polish=1))
    state = descend(about).state
    minimum = about.minimum(state)
    falling = still_falling(state.candidate, minimum)
    assert falling[0]
    (said,) = remarks(far.coordinates, minimum, falling, 1000, 400)
    assert "the loss still falls with J_EE" in said


def test_what_only_an_assumption_bounds_is_named(quadratic):
    """The last eigenvector of a curvature that is not above twice the most negative one."""
    minimum = quadratic.minimum()
    axes = np.linalg.eigh(np.diag([4.0, 3.0, 2.0, 1.0]))[1]
    flat = dataclasses.replace(minimum, curvature=axes @ np.diag([-0.1, 2.0, 3.0, 4.0]) @ axes.T)
    assert not_resolved(quadratic.coordinates, flat).tolist() == [False, False, False, True]
    assert any(said.endswith("J_II. More units resolve more, and so do more --curves.") for said in remarks(
        quadratic.coordinates, flat, np.zeros(4, bool), 1000, 400
    ))  # fmt: skip
    assert not not_resolved(quadratic.coordinates, minimum).any()
