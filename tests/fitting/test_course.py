"""A fit as a descent: a stochastic part, a refinement, and a circuit on one device at the end."""

import dataclasses
import subprocess
import sys
from typing import ClassVar, Self, final

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from tuneful.circuits import AbstractCircuit, Positive, Response, parameter
from tuneful.descents import Ending, Outcome, descend
from tuneful.fitting import Course, Problem, Steps, Stopping
from tuneful.fitting.candidates import PATIENCE
from tuneful.fitting.linearised import linearise
from tuneful.fitting.refinement import Refining
from tuneful.objectives import EnergyDistance, Measured, WassersteinGAN


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


def course(steps=0, batch=1000, first=240, max_steps=20, objective=None, max_lost=0.5, window=10, starts=1):
    data = Exponential().with_values({"scale": 3.0}).sample(jax.random.key(1), 500).curves
    about = objective or EnergyDistance(), Measured.from_rates(data), ("scale",)
    problem = Problem(Exponential(), *about, steps=Steps(batch=20, max_lost=max_lost))
    return Course(problem, Stopping(max_steps, window), Refining(steps, batch, first, starts), jax.random.key(0))


def walk(course, state=None):
    records = []
    done = descend(course, state=state, observers=[lambda moment: records.append(moment.record)])
    return done, records[1:]


def test_a_fit_ends_in_the_minimum_of_one_large_sample():
    """The loss at the end is that of the sample's minimum, found on a grid; the scale, that of 500 data to 4.5 %."""
    fit = course(30, 600)
    done, records = walk(fit)
    assert done.ending.outcome is Outcome.CONVERGED
    assert done.state.descent_steps == 20
    assert len(records) == len(done.state.path) > 22
    objective = fit.problem.objective.init(jax.random.key(0), fit.problem.data)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 2), 0)  # refining, the sample of its steps

    def loss(place):
        return float(linearise(fit.problem, {"scale": jnp.float32(place)}, objective, key, 600)[0].loss)

    best = np.log(float(fit.answer(done.state).scale))
    around = [loss(best + d) for d in np.linspace(-0.1, 0.1, 9)]
    # The gain that is left is at most .3 of what sampling errors of the gradient feign, about half the variance of
    # 1 / 500 of a distance; and as much again may be feigned by the tangents, of which a part is computed.
    assert float(done.state.refinement.best.around.loss) <= min(around) + 1.3 * 0.5 / 500
    assert float(fit.answer(done.state).scale) == pytest.approx(3.0, rel=4 * 0.045)


def test_the_ending_tells_where_the_fit_ended():
    done, records = walk(course(3))
    assert len(records) == 23
    assert done.ending == Ending(Outcome.MAX_STEPS, "reached the maximum of 3 refining steps")
    done, _ = walk(course(60))
    assert done.ending.outcome is Outcome.CONVERGED
    assert str(done.ending).startswith("converged: the gradient is within its sampling error (with fresh random numb")
    assert len(done.state.path) < 80


def test_a_minimum_of_one_sample_only_is_not_called_converged():
    """An answer that was shifted away from where fresh random numbers have it."""
    fit = course(60)
    state = walk(fit)[0].state
    fresh = dataclasses.replace(state.refinement.fresh, gradient=state.refinement.fresh.gradient + 1.0)
    moved = dataclasses.replace(state, refinement=dataclasses.replace(state.refinement, fresh=fresh))
    ending = fit.ending(moved)
    assert ending.outcome is Outcome.STALLED
    assert str(ending).startswith("not converged: the loss still falls with scale down")


def test_a_fit_may_be_a_refinement_only():
    fit = course(40, max_steps=0, starts=3)
    done, _ = walk(fit)
    assert done.state.descent_steps == 0
    assert done.ending.outcome is Outcome.CONVERGED
    assert float(fit.answer(done.state).scale) == pytest.approx(3.0, rel=4 * 0.045)
    half = descend(fit, observers=[lambda moment: moment.steps == 5])
    again = descend(fit, state=fit.unpack(jax.tree.map(lambda a: a, fit.pack(half.state))))
    np.testing.assert_array_equal(again.state.path.rows, done.state.path.rows)


def test_a_refinement_without_a_valid_sample_says_so_and_leaves_the_descent_be():
    """Every step loses more than is allowed, and the rule is that of a descent that may fail twenty times."""
    fit = course(30, max_lost=-1.0, max_steps=1, window=1)
    done, records = walk(fit)
    assert len(records) == 1 + PATIENCE
    assert done.ending.outcome is Outcome.LOST
    assert str(done.ending).startswith("stopped: no step of the refinement")
    assert float(fit.answer(done.state).scale) == pytest.approx(1.0)


def test_without_refinement_the_answer_is_the_mean_of_the_last_steps():
    fit = course()
    done, _ = walk(fit)
    assert done.state.descent_steps is None
    mean = done.state.path.rows[-10:].mean()
    assert np.log(float(fit.answer(done.state).scale)) == pytest.approx(float(mean), abs=1e-6)


def test_a_critic_has_no_loss_to_refine():
    with pytest.raises(ValueError, match="set refine_steps = 0"):
        course(10, objective=WassersteinGAN())


def test_a_fit_without_any_step_is_refused():
    with pytest.raises(ValueError, match="max_steps = 0 without refine_steps"):
        course(max_steps=0)


@pytest.mark.parametrize("stop", [1, 12, 20, 21, 24])
def test_a_saved_state_is_gone_on_from_with_the_same_bits(stop):
    fit = course(15)
    whole, _ = walk(fit)
    half = descend(fit, observers=[lambda moment: moment.steps == stop])
    assert half.ending.outcome is Outcome.INTERRUPTED
    again = descend(course(15), state=course(15).unpack(jax.tree.map(lambda a: a, fit.pack(half.state))))
    np.testing.assert_array_equal(again.state.path.rows, whole.state.path.rows)
    assert again.ending == whole.ending


@pytest.mark.parametrize("refining", [0, 5])
def test_a_fit_that_reached_its_maximum_is_extended(refining):
    """With the same bits as one that was allowed as many steps from the beginning, refined or not."""
    short, long = course(refining, max_steps=12), course(refining, max_steps=18)
    begun, _ = walk(short)
    assert begun.ending.outcome is Outcome.MAX_STEPS
    extended, _ = walk(long, long.unpack(short.pack(begun.state)))
    whole, _ = walk(long)
    np.testing.assert_array_equal(extended.state.path.rows, whole.state.path.rows)


def test_a_refinement_is_extended_from_where_it_ended():
    begun, _ = walk(course(3))
    long = course(8)
    extended, records = walk(long, long.unpack(course(3).pack(begun.state)))
    whole, _ = walk(long)
    assert len(records) == 5
    np.testing.assert_array_equal(extended.state.path.rows, whole.state.path.rows)


PROGRAM = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
from tuneful.circuits import FeedforwardM1
from tuneful.descents import descend
from tuneful.fitting import Course, Problem, Steps, Stopping
from tuneful.fitting.refinement import Refining
from tuneful.objectives import EnergyDistance, Measured
circuit = FeedforwardM1(grid=6, density=0.1)
data = Measured.from_rates(circuit.sample(jax.random.key(1), 20).curves)
for max_lost, refine_steps in ((1.0, 2), (1.0, 0), (-1.0, 0)):
    problem = Problem(circuit, EnergyDistance(), data, ("J",), steps=Steps(batch=4, max_lost=max_lost))
    rule, refining = Stopping(max_steps=1, window=1, max_failed=1), Refining(refine_steps, batch=4)
    course = Course(problem, rule, refining, jax.random.key(0))
    done = descend(course)
    for answer in (course.circuit(done.state), course.answer(done.state)):
        print(done.ending.outcome, *[len(leaf.devices()) for leaf in jax.tree.leaves(answer)])
"""


def test_eigenvalues_are_never_asked_of_several_devices():
    """LAPACK's wait for each other for ever; steps leave their state on all devices."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    outcomes = ("max_steps", "max_steps", "lost")
    assert run.stdout == "".join(2 * f"{outcome} 1 1 1 1 1\n" for outcome in outcomes)
