"""Refinement on functions with known minima, and on a toy circuit with one parameter."""

import dataclasses
from typing import ClassVar, Self, final

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from tuneful.circuits import AbstractCircuit, Positive, Response, parameter
from tuneful.fitting import Course, Problem, Stopping
from tuneful.fitting.refinement import PATIENCE, RefinementState
from tuneful.objectives import EnergyDistance, Measured, WassersteinGAN


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


@final
class Exponential(AbstractCircuit):
    """One condition, exponential rates of mean `scale`."""

    label: ClassVar[str] = "exponential"
    scale: Array = parameter(symbol="s", unit="Hz", constraint=Positive(), default=1.0, meaning="scale")

    def draw(self, key):
        return jax.random.exponential(key, (1, 1))

    def respond(self, z):
        return Response(self.scale * z, jnp.array(True), jnp.zeros(()), network=self.scale * z)

    def conditions(self):
        return {"size": np.array([1.0])}

    def at_conditions(self, features) -> Self:
        return self

    @classmethod
    def example(cls) -> Self:
        return cls()


def course(objective, max_steps=20):
    data = Exponential().with_values({"scale": 3.0}).sample(jax.random.key(1), 500).curves
    problem = Problem(Exponential(), objective, Measured.from_rates(data), ("scale",))
    return Course(problem, Stopping(max_steps=max_steps, window=10), jax.random.key(0))


def walk(course):
    records = []
    while course.ended is None:
        records.append(course.step())
    return records


def test_a_fit_ends_in_the_minimum_of_one_large_sample():
    """The loss at the end is that of the sample's minimum, found on a grid; the scale, that of 500 data to 4.5 %."""
    fit = course(EnergyDistance(batch=20, refine_steps=30, refine_batch=2000, refine_tolerance=1e-6))
    records = walk(fit)
    assert fit.descent == 20
    assert len(records) == fit.steps > 22
    refined = [float(record.loss) for record in records[20:]]
    problem, key = fit.problem, fit.refinement.key
    for_sample, for_loss = jax.random.split(key)
    state = problem.objective.init(jax.random.key(0), problem.data)

    @jax.jit
    def loss(free):
        sample = problem.generate({"scale": free}, for_sample, 1, 2000)
        return problem.objective.loss(jax.tree.map(lambda a: a[0], sample.curves), state, problem.data, for_loss)

    best = np.log(float(fit.answer.scale))
    around = [float(loss(jnp.float32(best + d))) for d in np.linspace(-0.1, 0.1, 41)]
    # Single precision: distances near 1 are averaged over 2,000 x 500 pairs and cancel to about 1e-6.
    assert min(refined) <= min(around) + 2e-6
    assert float(fit.answer.scale) == pytest.approx(3.0, rel=4 * 0.045)


def test_the_reason_tells_where_the_fit_ended():
    short = course(EnergyDistance(batch=20, refine_steps=3))
    assert len(walk(short)) == 23
    assert short.ended == "reached the maximum of 3 refining steps"
    long = course(EnergyDistance(batch=20, refine_steps=60))
    walk(long)
    assert long.ended == "converged: the loss fell by less than 0.0002 in 10 refining steps"
    assert len(long.path) < 80


def test_a_refinement_without_a_valid_sample_says_so_and_leaves_the_descent_be():
    fit = course(EnergyDistance(batch=20, refine_steps=30))
    fit.problem = dataclasses.replace(fit.problem, max_lost=-1.0)  # every step loses more
    fit.stopping = Stopping(max_steps=1, window=1)
    records = walk(fit)
    assert len(records) == 1 + PATIENCE
    assert fit.ended.startswith("stopped: no step of the refinement")
    assert float(fit.answer.scale) == pytest.approx(1.0)


def test_without_refinement_the_answer_is_the_mean_of_the_last_steps():
    fit = course(EnergyDistance(batch=20))
    walk(fit)
    assert fit.descent is None
    assert np.log(float(fit.answer.scale)) == pytest.approx(float(fit.path[-10:].mean()), abs=1e-6)


def test_a_critic_has_no_loss_to_refine():
    assert WassersteinGAN().refinement().steps == 0


@pytest.mark.parametrize("wrong", [{"refine_steps": -1}, {"refine_batch": 0}, {"refine_tolerance": float("nan")}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="refine_steps"):
        EnergyDistance(**wrong)
