"""Penalties by hand, and in the loss of a fit."""

import dataclasses
from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from tuneful.circuits import AbstractRecurrentCircuit, FeedforwardM1, Response
from tuneful.fitting.problem import Problem
from tuneful.objectives import AbstractPenalty, EnergyDistance, Measured, RatePenalty, StabilityPenalty

ANY = FeedforwardM1(), None  # a circuit and its inputs, for penalties that look at responses only
KEY = jax.random.key(0)


def response(rates):
    rates = jnp.asarray(rates, float)
    return Response(rates[:1], settled=jnp.array(True), residual=jnp.zeros(()), all_rates=rates)


def test_rate_penalty_is_equation_15():
    penalty = RatePenalty()
    assert float(penalty(*ANY, response([[150.0, 10.0], [149.0, 0.0]]), KEY)) == 0
    assert float(penalty(*ANY, response([[152.0, 10.0], [151.0, 400.0]]), KEY)) == pytest.approx(5000 * (2 + 1 + 250))


def test_rate_penalty_pushes_every_cell_above_the_limit():
    slope = jax.grad(lambda r: RatePenalty(weight=2.0, limit=10.0)(*ANY, response(r), KEY))(
        jnp.array([[5.0, 11.0], [30.0, 9.0]])
    )
    assert slope.tolist() == [[0.0, 2.0], [2.0, 0.0]]


@pytest.mark.parametrize("wrong", [{"weight": -1.0}, {"limit": -1.0}, {"limit": float("nan")}])
def test_impossible_penalties(wrong):
    with pytest.raises(ValueError, match="must not be negative"):
        RatePenalty(**wrong)


@final
class Dice(AbstractPenalty):
    """A random cost: what a penalty that looks at a random part of a realisation makes of its key."""

    label: ClassVar[str] = "dice"

    weight: jax.Array

    def __call__(self, circuit, z, response, key):
        return self.weight * jax.random.uniform(key)


@eqx.filter_jit
def mean_cost(circuit, first, second, curves, key):
    """Of realisations of one curve each, with two such penalties of these weights."""
    penalties = Dice(jnp.asarray(first)), Dice(jnp.asarray(second))
    problem = Problem(circuit, EnergyDistance(), Measured.from_rates(np.ones((2, 27))), (), penalties)
    return problem.generate({}, jax.random.key(key), batches=1, curves=curves).penalty[0]


def test_every_penalty_and_every_realisation_has_a_random_key_of_its_own(tiny_circuit):
    def cost(first, second, curves=1, key=5):
        return float(mean_cost(tiny_circuit, jnp.array(first), jnp.array(second), curves, jnp.uint32(key)))

    assert 0 < cost(1.0, 0.0) != cost(0.0, 1.0) > 0
    assert cost(1.0, 1.0) == pytest.approx(cost(1.0, 0.0) + cost(0.0, 1.0), rel=1e-6)
    assert cost(1.0, 0.0, key=6) != cost(1.0, 0.0)
    # Uniform numbers, independent between realisations: variance 1/12, and 1/6 of a difference.
    assert abs(cost(1.0, 0.0, 400) - 0.5) < 5 / np.sqrt(12 * 400)
    assert 0 < abs(cost(1.0, -1.0, 400)) < 5 / np.sqrt(6 * 400)


def linear_network(gains):
    """Two cells that excite each other, dr/dt = -r + g (r' + 1), one condition a gain: eigenvalues -1 +- g."""

    @final
    class Pair(AbstractRecurrentCircuit):
        label: ClassVar[str] = "pair"
        g: jax.Array

        def draw(self, key):
            return jnp.ones(())

        def respond(self, z):
            rates = jnp.stack([self.g / (1 - self.g)] * 2)
            return Response(rates, settled=jnp.array(True), residual=jnp.zeros(()), all_rates=rates)

        def jacobian(self, z, all_rates):
            swap, one = jnp.array([[[0.0, 1.0], [1.0, 0.0]]]), jnp.eye(2)[None]
            return self.g[:, None, None] * swap - one * all_rates.T[:, :1, None] ** 0

        def conditions(self):
            return {"gain": self.g}

        def at_conditions(self, features):
            return self

        @classmethod
        def example(cls):
            return cls(jnp.array([0.5]))

    return Pair(jnp.asarray(gains))


def smoothed_of(gain, eps):
    """1/2 sum_i 1 / (2 (s - lambda_i)) = 1/eps for the eigenvalues -1 +- g of a symmetric matrix, solved for s."""
    return -1 + eps / 4 + (eps**2 / 16 + gain**2) ** 0.5


@eqx.filter_jit
def stability_cost(penalty, gains, key=0, **changes):
    circuit = linear_network(gains)
    answer = dataclasses.replace(circuit.respond(None), **changes)
    return penalty(circuit, None, answer, jax.random.key(key))


def test_stability_penalty_is_the_excess_of_the_smoothed_abscissa(x64):
    penalty = StabilityPenalty(weight=7.0, limit=-0.05, eps=0.1)
    exact = [max(smoothed_of(g, 0.1) + 0.05, 0) for g in (0.5, 0.94, 0.97)]
    assert exact[0] == 0 < exact[1] < exact[2]
    gains = jnp.array([0.5, 0.94, 0.97])
    cost, slope = jax.value_and_grad(lambda g: stability_cost(penalty, g))(gains)
    assert float(cost) == pytest.approx(7 * exact[2], abs=1e-8)
    every = dataclasses.replace(penalty, conditions="all")
    assert float(stability_cost(every, gains)) == pytest.approx(7 * sum(exact) / 3, abs=1e-8)
    one = dataclasses.replace(penalty, conditions="random")
    seen = {round(float(stability_cost(one, gains, jnp.uint32(key))), 6) for key in range(20)}
    assert seen == {round(7 * e, 6) for e in exact}
    assert slope.tolist() == pytest.approx([0, 0, 7 * 0.97 / (0.1**2 / 16 + 0.97**2) ** 0.5], abs=1e-6)


def test_a_share_of_the_realisations_stands_for_all():
    whole, part = StabilityPenalty(limit=-0.1), StabilityPenalty(limit=-0.1, share=0.25)
    gains = jnp.array([0.97])
    costs = np.array([float(stability_cost(part, gains, jnp.uint32(key))) for key in range(200)])
    single = float(stability_cost(whole, gains))
    assert set(costs.round(2)) == {0, np.float64(4 * single).round(2)}
    # Binomial: the standard error of the mean is sqrt((1/share - 1) / 200) of a cost.
    assert abs(costs.mean() / single - 1) < 4 * np.sqrt(3 / 200)


def test_what_did_not_settle_costs_nothing_and_spoils_nothing():
    def cost(g):
        rates = jnp.full((2, 1), jnp.nan) * g[None]
        return stability_cost(StabilityPenalty(limit=-2.0), g, settled=jnp.array(False), all_rates=rates)

    assert (float(cost(jnp.array([0.9]))), jax.grad(cost)(jnp.array([0.9])).tolist()) == (0, [0])


def test_stability_needs_dynamics():
    with pytest.raises(ValueError, match="needs a recurrent circuit: FeedforwardM1 has no dynamics"):
        StabilityPenalty()(*ANY, response([[1.0]]), KEY)


@pytest.mark.parametrize(
    "wrong",
    [{"weight": -1.0}, {"eps": 0.0}, {"limit": float("inf")}, {"share": 0.0}, {"share": 1.5}, {"conditions": "one"}],
)
def test_impossible_stability_penalties(monkeypatch, wrong):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users have no checks of types at run time
    with pytest.raises(ValueError, match="not "):
        StabilityPenalty(**wrong)
