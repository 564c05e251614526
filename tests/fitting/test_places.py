"""Which of several places is lower, on curves whose losses, minima and standard errors are known."""

import dataclasses
from typing import ClassVar, Self, final

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from tuneful.circuits import AbstractCircuit, Free, Response, parameter
from tuneful.errors import UserError
from tuneful.fitting import FitSettings, Problem, fit_circuit, simulate
from tuneful.fitting.places import LossDifference, compare_places, losses_at, with_loss
from tuneful.fitting.tables import ended_elsewhere
from tuneful.objectives import AbstractPenalty, EnergyDistance, Measured, MomentMatching, WassersteinGAN

UNITS, SPREAD, SLOPE = 200, 0.5, 0.1


@final
class TwoWells(AbstractCircuit):
    """Normal rates around a mean with two wells in `place`, the lower one at 2 and another near -2.

    `turn` rotates the noise: it changes every curve and no distribution, a valley that is flat all along.
    """

    label: ClassVar[str] = "two-wells"
    place: Array = parameter(symbol="p", unit="1", constraint=Free(), default=-2.0, meaning="place")
    turn: Array = parameter(symbol="t", unit="1", constraint=Free(), default=0.0, meaning="turn of the noise")

    def draw(self, key):
        return jax.random.normal(key, (1, 2))

    def respond(self, z):
        mean = jnp.stack([self.place**2 / 4, SLOPE * self.place])
        cos, sin = jnp.cos(self.turn), jnp.sin(self.turn)
        rates = 10 + mean[None] + SPREAD * z @ jnp.array([[cos, sin], [-sin, cos]])
        return Response(rates, jnp.abs(self.place) < 6, jnp.zeros(()))

    def conditions(self):
        return {"size": np.array([1.0, 2.0])}

    def at_conditions(self, features) -> Self:
        return self

    @classmethod
    def example(cls) -> Self:
        return cls(place=2.0)


@final
class Place(AbstractPenalty):
    """What the place is above zero."""

    label: ClassVar[str] = "place"

    def __call__(self, circuit, z, response, key):
        return circuit.place


@pytest.fixture(scope="module")
def problem():
    data = TwoWells(place=2.0).sample(jax.random.key(1), UNITS).curves
    return Problem(TwoWells(), MomentMatching(variances=0.0), Measured.from_rates(data), ("place", "turn"))


def at(place, turn=0.0):
    return {"place": jnp.array(place), "turn": jnp.array(turn)}


def expected(problem, place, other):
    """1/2 sum_d ((m_d - x_d)^2 - (m'_d - x_d)^2) / w^2, and its standard error between sets of units."""
    x = np.asarray(problem.data.rates, float)
    m, n = (10 + np.array([p**2 / 4, SLOPE * p]) for p in (place, other))
    apart = np.sum((m - x.mean(0)) ** 2 - (n - x.mean(0)) ** 2) / 2 / x.mean() ** 2
    of_unit = -((x - x.mean(0)) @ (m - n)) / x.mean() ** 2
    return apart, of_unit.std(ddof=1) / np.sqrt(len(x))


@pytest.fixture(scope="module")
def two(problem):
    return compare_places(problem, {"left": at(-2.0), "right": at(2.0)}, jax.random.key(3))


def test_of_two_minima_the_lower_one_is_named_by_how_much_it_is_lower(problem, two):
    apart, of_units = expected(problem, -2.0, 2.0)
    found = two.losses.difference(0, two.lowest)
    assert two.names[two.lowest] == "right"
    assert found.is_told_apart
    assert found.mean == pytest.approx(apart, abs=4 * found.error)
    assert found.error < apart / 3
    assert found.of_units == pytest.approx(of_units, rel=0.05)
    assert two.words.startswith("right has the lowest loss; left is higher by 0.00")
    assert "another place (place differs most, by " in two.words
    row = two.table()["places"]["left"]
    assert (row["told_apart"], row["same_place"]) == (True, False)
    assert row["of_any_units"] == (apart > 3 * np.hypot(found.error, of_units))


def test_the_order_of_places_does_not_count(problem, two):
    other = losses_at(problem, [at(2.0), at(-2.0)], jax.random.key(3))
    np.testing.assert_array_equal(other.by_sample, two.losses.by_sample[:, ::-1])


def test_along_a_flat_valley_nothing_is_told_apart(problem):
    """Over 12 sets of random numbers, differences are zero within their errors: t-distributed, of variance 7 / 5."""
    found = [losses_at(problem, [at(2.0), at(2.0, 1.0)], jax.random.key(i), 24, 24) for i in range(12)]
    z = [one.difference(1, 0).mean / one.difference(1, 0).error for one in found]
    assert abs(np.mean(z)) < 3 * np.sqrt(1.4 / 12)
    assert 0.4 < np.std(z) < 2.4
    grown = losses_at(problem, [at(2.0), at(2.0, 1.0)], jax.random.key(0), 24, 96)
    assert grown.difference(1, 0).words.startswith("not told apart by 768 curves (")
    at_once = losses_at(problem, [at(2.0), at(2.0, 1.0)], jax.random.key(0), 96, 96)
    np.testing.assert_allclose(grown.by_sample, at_once.by_sample, rtol=1e-4, atol=1e-7)  # the same realisations


def test_places_within_what_the_data_leave_open_are_the_same(problem):
    """One curve tells a place to .5 / sqrt(1 + .1^2); a unit is the standard error of what no curve tells."""
    near = {"a": at(2.0), "b": at(2.05, 1.5), "c": at(2.0, 3.0), "d": at(2.2)}
    found = compare_places(problem, near, jax.random.key(0), curves=240, most=240)
    error = SPREAD / np.sqrt(1 + SLOPE**2) * np.sqrt(1 / UNITS + 1 / 240)
    np.testing.assert_allclose(found.errors, [error, 1.0], rtol=0.25)
    is_same = {name: found.is_same(i) for i, name in enumerate(found.names)}
    assert is_same == {"a": True, "b": True, "c": False, "d": False}
    assert "b is not told apart by 1,920 curves" in found.words
    assert "the same place (turn differs most, by 1.5 standard errors)" in found.words


def test_penalties_are_part_of_the_loss(problem):
    penalised = dataclasses.replace(problem, penalties=(Place(),))
    plain, with_them = (losses_at(p, [at(-2.0), at(2.0)], jax.random.key(0), 48, 48) for p in (problem, penalised))
    apart = with_them.difference(0, 1).mean - plain.difference(0, 1).mean
    assert apart == pytest.approx(-4.0, rel=1e-5)
    assert with_them.lowest == 0


def test_samples_grow_until_they_decide(problem):
    clear = losses_at(problem, [at(0.0), at(2.0)], jax.random.key(0), 48)
    assert clear.curves == 48
    assert clear.difference(0, 1).is_of_any_units
    assert losses_at(problem, [at(2.0), at(2.0)], jax.random.key(0), 48).curves == 48  # there is nothing to decide


def test_a_place_without_a_loss_and_a_place_alone_are_refused(problem):
    with pytest.raises(UserError, match="100% of the realisations do not settle at one of the places"):
        losses_at(problem, [at(2.0), at(7.0)], jax.random.key(0), 48)
    with pytest.raises(UserError, match="a single answer"):
        compare_places(problem, {"a": at(2.0)}, jax.random.key(0))


def test_where_a_critic_learns_the_energy_distance_is_the_loss(problem):
    assert with_loss(problem) is problem
    critic = dataclasses.replace(problem, objective=WassersteinGAN(log_above=0.1))
    assert with_loss(critic).objective == EnergyDistance(log_above=0.1)


def test_words_have_the_digits_that_the_errors_allow():
    assert LossDifference(0.5, 0.0, 0.0, 10).words == "higher by 0.5000 ± 0.0000 (other units: ± 0.0000)"
    assert LossDifference(-1.234, 0.11, 2.0, 10).words == "lower by 1.23 ± 0.11 (other units: ± 2.00)"


def test_a_fit_whose_starts_end_in_two_places_says_which_is_lower():
    data = simulate(TwoWells(place=2.0), 2 * UNITS, 1)
    settings = FitSettings(
        max_steps=0, refine_steps=60, refine_batch=200, refine_first=200, starts=4, start_spread=3.0,
        evaluate_every=100, fitted=("place",),
    )  # fmt: skip
    result = fit_circuit(TwoWells(place=-2.0), EnergyDistance(whiten=False), data, settings, 0)
    found = ended_elsewhere(result)
    assert found is not None
    assert found["lowest"] == "the answer"
    assert result.estimate["place"] > 0
    assert found["words"].startswith("the answer has the lowest loss; start 2 is higher by 0.")
    assert result.certificate["arrived"] + 1 <= result.certificate["starts"]
    refinement = dataclasses.replace(result.state.refinement, followed=np.array(1))
    alone = dataclasses.replace(result, state=dataclasses.replace(result.state, refinement=refinement))
    assert ended_elsewhere(alone) is None
