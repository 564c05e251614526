"""Several starts, growing samples and a last look, on curves whose best parameters are known."""

import dataclasses
from typing import ClassVar, Self, final

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from tuneful.circuits import AbstractCircuit, Free, Response, parameter
from tuneful.fitting import Problem
from tuneful.fitting.candidates import PATIENCE
from tuneful.fitting.linearised import CHUNK, linearise
from tuneful.fitting.refinement import RefinementState, Refining, refine
from tuneful.objectives import EnergyDistance, Measured, Moments


@final
class TwoHumps(AbstractCircuit):
    """Normal rates around a mean that depends on the parameter by two wells: the lower one at 2, another near -2."""

    label: ClassVar[str] = "two-humps"
    place: Array = parameter(symbol="p", unit="1", constraint=Free(), default=-2.0, meaning="place")

    def draw(self, key):
        return jax.random.normal(key, (1, 2))

    def respond(self, z):
        mean = jnp.stack([self.place**2 / 4, 0.2 * self.place])
        rates = 10 + mean[None] + 0.5 * z
        settled = jnp.abs(self.place) < 6
        return Response(rates, settled, jnp.zeros(()))

    def conditions(self):
        return {"size": np.array([1.0, 2.0])}

    def at_conditions(self, features) -> Self:
        return self

    @classmethod
    def example(cls) -> Self:
        return cls(place=2.0)


@pytest.fixture(scope="module")
def problem():
    data = TwoHumps(place=2.0).sample(jax.random.key(1), 400).curves
    return Problem(TwoHumps(), EnergyDistance(whiten=False), Measured.from_rates(data), ("place",))


def refined(problem, plan, start, steps=60, key=None):
    objective = problem.objective.init(jax.random.key(0), problem.data)
    state = RefinementState.start(np.array([start]), plan, objective, jax.random.key(4))
    records, key = [], jax.random.key(2) if key is None else key
    while len(records) < steps and state.certificate() is None and not state.is_lost:
        state, record = refine(problem, plan, problem.start(), state, key)
        records.append(record)
    return state, records


def test_samples_are_doubled_up_to_the_largest():
    assert Refining(1, 1000, 240).sizes == [240, 480, 960, 1000]
    assert Refining(1, 100, 240).sizes == [100]
    assert Refining(1, 480, 240).sizes == [240, 480]


def test_the_minimum_of_the_largest_sample_is_found_and_certified(problem):
    """Its gradient is a small part of its sampling error, that of fresh random numbers within it."""
    plan = Refining(60, 800, 100)
    state, records = refined(problem, plan, 1.2)
    gradient, noise = state.best.around.gradient, state.best.around.noise
    assert gradient @ np.linalg.solve(noise, gradient) < 0.1
    certificate = state.certificate()
    assert certificate is not None
    assert certificate.holds
    assert len(records) < 25
    # A standard deviation from 400 data and 800 curves, of means that tell the place to .5 / sqrt(1 + .2^2).
    assert state.best.point[0] == pytest.approx(2.0, abs=4 * 0.5 / np.sqrt(1.04) * np.sqrt(1 / 400 + 1 / 800))


def test_the_better_of_two_basins_is_kept(problem):
    """From -2 a single start ends in its own basin; with others around, the lower one is found and told apart."""
    alone, _ = refined(problem, Refining(60, 400, 100), -2.0)
    assert alone.best.point[0] < 0
    several, _ = refined(problem, Refining(100, 400, 100, starts=6, spread=3.0), -2.0, steps=100)
    assert several.best.point[0] == pytest.approx(2, abs=0.3)
    assert several.best.around.loss < alone.best.around.loss
    assert several.joined.sum() > len(several.joined)  # some ended in the same place


def test_a_start_where_nothing_settles_is_drawn_towards_one_where_it_does(problem):
    plan = Refining(60, 100, 100, starts=2)
    objective = problem.objective.init(jax.random.key(0), problem.data)
    state = RefinementState.start(np.array([2.0]), plan, objective, jax.random.key(4))
    far = state.candidates[1].drawn_towards(np.array([16.0]))
    state = dataclasses.replace(state, candidates=(state.candidates[0], far))
    for _ in range(30):
        state, _ = refine(problem, plan, problem.start(), state, jax.random.key(2))
    assert state.joined.max() == 1 or state.followed == 1
    assert np.isfinite(state.candidates[1].around.loss)


def test_where_nothing_settles_at_any_start_places_around_are_tried(problem):
    """From 16, of which 14 are a long way; what is known of one draws the others there."""
    plan = Refining(60, 100, 100, starts=2, spread=4.0)
    state, records = refined(problem, plan, 16.0)
    assert not records[0].taken
    assert state.best.point[0] == pytest.approx(2, abs=0.5)
    lost, records = refined(problem, dataclasses.replace(plan, spread=0.01), 16.0)
    assert lost.is_lost
    assert len(records) == 2 * PATIENCE
    assert lost.best.point[0] == pytest.approx(16.0, rel=1e-12)  # the parameters that it was given


def test_after_a_step_that_lost_networks_the_point_is_looked_at_with_care(problem):
    """Beyond 6 nothing settles: from 5.9 the first step is lost, and the metric is then that of all pairs."""
    plan = Refining(60, 100, 100)
    objective = problem.objective.init(jax.random.key(0), problem.data)
    state = RefinementState.start(np.array([5.9]), plan, objective, jax.random.key(4))
    about = problem, plan, problem.start()
    state, _ = refine(*about, state, jax.random.key(2))
    metric = state.best.around.metric
    beyond = dataclasses.replace(state.best.around, gradient=-np.abs(state.best.around.gradient))
    state = dataclasses.replace(state, candidates=(dataclasses.replace(state.candidates[0], around=beyond),))
    state, record = refine(*about, state, jax.random.key(2))
    assert not record.taken
    assert state.objective.is_careful
    assert not state.best.is_known
    state, _ = refine(*about, state, jax.random.key(2))
    assert state.best.point == pytest.approx([5.9])
    assert state.best.around.metric > metric


def test_gradient_and_noise_are_those_of_the_loss(problem, x64):
    """The gradient by differences of the loss, where all have tangents; the noise by the scatter of gradients."""
    data = Measured(jnp.asarray(problem.data.rates, float), problem.data.observed)
    exact = Problem(TwoHumps(), problem.objective, data, problem.fitted)
    objective = exact.objective.init(jax.random.key(0), exact.data)

    def look(place, seed, curves=120):
        return linearise(exact, {"place": jnp.array(place)}, objective, jax.random.key(seed), curves)[0]

    h = 1e-5
    by_differences = (look(1.5 + h, 0, CHUNK).loss - look(1.5 - h, 0, CHUNK).loss) / (2 * h)
    assert look(1.5, 0, CHUNK).gradient[0] == pytest.approx(float(by_differences), rel=1e-6)
    found = [look(1.9, seed) for seed in range(200)]
    scatter = np.var([f.gradient[0] for f in found], ddof=1)
    mean = np.mean([f.noise[0, 0] for f in found])
    # A variance from 200 draws is known to sqrt(2 / 199) = 10 %; three of these, and the mean's own scatter.
    assert mean == pytest.approx(scatter, rel=0.35)


def test_the_largest_sample_is_left_only_where_its_gradient_is_within_its_error():
    """Along one direction noise feigns large gains; smaller samples are left all the same, as others follow."""
    plan = Refining(9, 400, 100)
    state = RefinementState.start(np.zeros(2), plan, None, jax.random.key(0))
    gradient, noise = np.array([0.0, 0.5]), np.diag([25, 0.01])
    hidden = dataclasses.replace(
        state.fresh, loss=np.array(0.1), gradient=gradient, metric=2 * np.eye(2), noise=noise
    )
    state = dataclasses.replace(state, candidates=(dataclasses.replace(state.candidates[0], around=hidden),))
    at = [dataclasses.replace(state, level=np.array(level)) for level in range(len(plan.sizes))]
    assert [one.current(plan) for one in at] == [None, None, 0]


def test_the_certificate_counts_the_starts_that_ended_at_the_answer():
    """Not at the candidate that comes first: in the largest sample, another one may end lower."""
    state = RefinementState.start(np.array([0.0]), Refining(1, starts=6), None, jax.random.key(0))
    found = [dataclasses.replace(state.fresh, loss=np.array(loss), metric=np.eye(1)) for loss in (0.2, 0.1)]
    two = [dataclasses.replace(c, around=f) for c, f in zip(state.candidates, found, strict=False)]
    ended = dataclasses.replace(
        state, candidates=(*two, *state.candidates[2:]), followed=np.array(2), joined=np.array([1, 3, 1, 1, 1, 1]),
        fresh=found[0],
    )  # fmt: skip
    certificate = ended.certificate()
    assert certificate is not None
    assert (certificate.arrived, certificate.starts, certificate.fitted_loss) == (3, 6, 0.1)
    assert [place.tolist() for place in ended.places] == [two[1].point.tolist(), two[0].point.tolist()]
    met = two[0].shifted(two[1].point - two[0].point)
    in_one = dataclasses.replace(ended, candidates=(met, *ended.candidates[1:]))
    together = in_one.certificate()
    assert together is not None
    assert together.arrived == 4  # those that met in the largest sample, too
    assert len(in_one.places) == 1


def test_standard_errors_are_the_scatter_of_answers():
    """Over 20 data sets of 200 curves: a standard deviation is known to 16 %; three of these."""
    objective, plan = Moments(whiten=False, log_above=None), Refining(40, 400, 100)
    answers, errors = [], []
    for seed in range(20):
        data = TwoHumps(place=2.0).sample(jax.random.key(100 + seed), 200).curves
        about = Problem(TwoHumps(place=1.5), objective, Measured.from_rates(data), ("place",))
        state, _ = refined(about, plan, 1.5, key=jax.random.key(seed))
        certificate = state.certificate()
        assert certificate is not None
        answers.append(state.best.point[0])
        errors.append(np.sqrt(certificate.covariance[0, 0]))
    assert np.mean(errors) == pytest.approx(np.std(answers, ddof=1), rel=0.48)
    # Fisher's information of the mean of 200 normal curves, and as much uncertainty again from half of 400 others.
    assert np.mean(errors) > 0.5 / np.sqrt(1.04) * np.sqrt(1 / 200)
