"""A loss and how it changes around a point, from one sample of curves and their tangents.

Few parameters move many curves: the derivatives of all curves in all parameters, taken forwards through the steady
states, are cheaper than they look (the equations of one realisation have one matrix), and everything that a step
needs follows from them: the gradient, its sampling error, and the curvature of the loss.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float, Int

from tuneful.circuits.base import AbstractCircuit
from tuneful.circuits.ensemble import CHUNK, in_chunks, map_realisations
from tuneful.circuits.parameters import with_fields
from tuneful.fitting.problem import Problem, StepRecord
from tuneful.fitting.realisations import Realiser, answers
from tuneful.fitting.unconstrained import with_unconstrained
from tuneful.objectives.base import Generated
from tuneful.solvers import Status

SHARE = 4  # one realisation in so many has tangents: what they average hardly differs, and they cost twice its curves
LEAST = 0.25  # fraction of the first chunk that must be accepted for a sample to be drawn to its end


_circuit_at = eqx.filter_jit(with_unconstrained)


class Linearised(eqx.Module):
    """Loss and penalty around a point; n unconstrained parameters in a row.

    loss
        At the point.
    gradient
        There.
    metric
        Positive semi-definite curvature (`AbstractObjective.metric`).
    noise
        Covariance of the gradient between samples of this size.
    sampling
        How well the measured units fix the minimum (`AbstractObjective.sampling`); NaN where that is not known.
    """

    loss: Float[np.ndarray, ""]
    gradient: Float[np.ndarray, " n"]
    metric: Float[np.ndarray, "n n"]
    noise: Float[np.ndarray, "n n"]
    sampling: Float[np.ndarray, "2 n n"]

    @classmethod
    def unknown(cls, n: int) -> "Linearised":
        """Before anything was computed: an infinite loss."""
        nothing = np.zeros((n, n))
        return cls(np.array(np.inf), np.zeros(n), nothing, nothing, np.full((2, n, n), np.nan))

    @property
    def is_known(self) -> bool:
        """Whether it was computed."""
        return bool(np.isfinite(self.loss))


class _Realised(eqx.Module):
    """Realisations of a circuit: curves and costs; of the first, also derivatives in all parameters (last axis)."""

    rates: Float[Array, "realisations cells conditions"]
    cost: Float[Array, " realisations"]
    accepted: Bool[Array, " realisations"]
    status: Int[Array, " realisations"]
    tangents: Float[Array, "first cells conditions n"]
    cost_tangents: Float[Array, "first n"]
    labels: tuple[int, ...] = eqx.field(static=True, default=())

    def curves(self, weight: Array) -> Generated:
        """All curves, for a weight of each realisation."""
        return _as_curves(self.rates, weight, self.labels)

    def with_tangents(self) -> tuple[Generated, Array]:
        """The curves that have tangents, and these, (curves, conditions, n)."""
        first = len(self.tangents)
        generated = _as_curves(self.rates[:first], self.accepted[:first], self.labels)
        return generated, self.tangents.reshape(-1, *self.tangents.shape[2:])


def linearise(
    problem: Problem, unconstrained: dict[str, Array], objective: Any, key: Array, curves: int, share: int = SHARE
) -> tuple[Linearised, StepRecord]:
    """Look at the loss around a point, with a sample of at least so many curves.

    Parameters
    ----------
    problem
        What is solved.
    unconstrained
        The point.
    objective
        State of the objective.
    key
        Decides the sample: the same key and number of curves give the same realisations at every point.
    curves
        Size of the sample.
    share
        One realisation in so many has tangents.

    Returns
    -------
    The linearised loss, and a record of what became of the realisations; it tells whether the loss can be trusted.
    """
    for_sample, for_loss = jax.random.split(key)
    return _looked_at(problem, objective, _sampled(problem, unconstrained, for_sample, curves, share), for_loss)


def linearise_by_unit(
    problem: Problem, unconstrained: dict[str, Array], objective: Any, key: Array, curves: int
) -> tuple[Linearised, Float[np.ndarray, "units n"], StepRecord]:
    """Look at the loss as `linearise` does with all tangents, and at what every measured unit does to its gradient.

    That is the derivative of the gradient in the unit's weight (`Measured.unit_weights`), at weights of one: weights
    w_i add sum_i (w_i - 1) s_i to the gradient, to first order. Sums over units are near zero, as only relative
    weights count.

    Returns
    -------
    The linearised loss, the derivatives s, in the order of the measured units, and the record of the sample.
    """
    for_sample, for_loss = jax.random.split(key)
    sample = _sampled(problem, unconstrained, for_sample, curves, share=1)
    found, record = _looked_at(problem, objective, sample, for_loss)
    numbers = range(sample.tangents.shape[-1])
    scores = [_unit_slope(problem, objective, sample, jnp.int32(i), for_loss) for i in numbers]
    return found, np.stack([np.asarray(score, float) for score in scores], axis=-1), record


def _looked_at(problem: Problem, objective: Any, sample: "_Realised", key: Array) -> tuple[Linearised, StepRecord]:
    found, record = _assess(problem, objective, sample, *_slopes(problem, objective, sample, key), key)
    return Linearised(*(np.array(a, float) for a in found)), record


def generated_at(problem: Problem, unconstrained: dict[str, Array], key: Array, curves: int) -> Generated:
    """The curves that `linearise` looks at with the same arguments."""
    return generated_and_cost(problem, unconstrained, key, curves)[0]


def generated_and_cost(
    problem: Problem, unconstrained: dict[str, Array], key: Array, curves: int, first: int = 0
) -> tuple[Generated, float]:
    """The same curves, from a number of realisation on, and what penalties add to their loss."""
    rates, cost, accepted, _ = _answered(problem, unconstrained, jax.random.split(key)[0], first, curves)
    return _as_curves(rates, accepted, problem.labels), float(cost.sum()) / max(int(accepted.sum()), 1)


def realised_at(
    problem: Problem, unconstrained: dict[str, Array], key: Array, curves: int
) -> tuple[Generated, Float[Array, "curves conditions n"]]:
    """At least so many curves at a point, with their derivatives in all n unconstrained parameters."""
    return _sampled(problem, unconstrained, jax.random.split(key)[0], curves, share=1).with_tangents()


def _as_curves(rates: Array, weight: Array, labels: tuple[int, ...]) -> Generated:
    """Rates, (realisations, cells, conditions), as curves, for a weight of each realisation."""
    cells = rates.shape[1]
    weights = jnp.repeat(weight.astype(rates.dtype), cells)
    return Generated(rates.reshape(-1, rates.shape[-1]), weights, cells, labels)


def _sampled(problem: Problem, unconstrained: dict[str, Array], key: Array, curves: int, share: int) -> _Realised:
    """A sample of at least so many curves; one realisation in so many, the first, has tangents.

    Where three of four realisations of the first chunk are lost, it is all: none of the others would be stepped on.
    """
    about, cells = (problem, unconstrained, key), problem.circuit.cells_per_realisation
    realisations = -(-curves // cells)
    first = min(realisations, -(-realisations // (share * CHUNK)) * CHUNK)
    *whole, tangents, cost_tangents = _with_tangents(*about, 0, min(first, CHUNK) * cells)
    if whole[2].mean() < LEAST:
        realisations = first = len(tangents)
    if first > CHUNK:
        more = _with_tangents(*about, CHUNK, (first - CHUNK) * cells)
        *whole, tangents, cost_tangents = _joined([*whole, tangents, cost_tangents], more)
    if first < realisations:
        rest = _answered(*about, first, curves - first * cells)
        whole = _joined(whole, rest)
    rates, cost, accepted, status = whole
    return _Realised(rates, cost, accepted, status, tangents, cost_tangents, problem.labels)


def _joined(*parts: list[Array]) -> list[Array]:
    return [jnp.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _answered(problem: Problem, unconstrained: dict[str, Array], key: Array, first: int, curves: int) -> list[Array]:
    """Rates, costs, whether they are usable, and statuses of so many curves, from a number of realisation on.

    What is not usable is zero: its rates may be infinite, and times a weight of zero be no number.
    """
    realisations = -(-curves // problem.circuit.cells_per_realisation)
    circuit = _circuit_at(problem.circuit, unconstrained)
    found = answers(dataclasses.replace(problem.realiser, circuit=circuit), key, realisations, first)
    usable = found.usable
    rates, cost = np.where(usable[:, None, None], found.rates, 0), np.where(usable, found.cost, 0)
    return [jnp.asarray(array) for array in (rates, cost, usable, found.status)]


def _with_tangents(
    problem: Problem, unconstrained: dict[str, Array], key: Array, first: int, curves: int
) -> list[Array]:
    """The same, and the derivatives of rates and costs."""
    realisations = -(-curves // problem.circuit.cells_per_realisation)
    found = in_chunks(lambda number: _realise(problem.realiser, unconstrained, key, number), realisations, first)
    return [jnp.asarray(array) for array in found]


@eqx.filter_jit
def _realise(realiser: Realiser, unconstrained: dict[str, Array], key: Array, first: Array) -> tuple[Array, ...]:
    """A chunk of realisations: what `_answered` finds, and the derivatives of rates and costs."""
    flat, unravel = ravel_pytree(unconstrained)
    circuit = with_fields(realiser.circuit, factorised=True)

    def realise(at: tuple[Array, AbstractCircuit], key: Array) -> tuple[Array, ...]:
        """One realisation; what is not usable, or has no derivative, is zero and not accepted."""
        flat, circuit = at

        def curves(flat: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            response, cost = realiser.realise(with_unconstrained(circuit, unravel(flat)), key)
            status = jnp.asarray(response.status)
            usable = response.settled & (status != Status.SATURATED) & jnp.isfinite(response.rates).all()
            return (response.rates, cost), (usable, status)

        values, along, (usable, status) = jax.linearize(curves, flat, has_aux=True)
        tangents = jax.vmap(along, out_axes=-1)(jnp.eye(len(flat), dtype=flat.dtype))
        known = usable & jnp.isfinite(tangents[0]).all() & jnp.isfinite(tangents[1]).all()
        rates, cost, rate_tangents, cost_tangents = (jnp.where(known, a, 0) for a in (*values, *tangents))
        return rates, cost, known, status, rate_tangents, cost_tangents

    return map_realisations(realise, (flat, circuit), key, CHUNK, first, realiser.schedule)


def _slopes(problem: Problem, objective: Any, sample: _Realised, key: Array) -> tuple[Array, Array]:
    """Derivatives of the loss along all tangents, (n,), and what each realisation does to them, (n, realisations).

    One parameter at a time by one program, and not by a map within it: there, XLA for CPUs (jaxlib 0.10) computes
    slopes of distances between curves that are off by a factor, where jit, reverse mode and differences of the loss
    agree.
    """
    found = [_slope(problem, objective, sample, jnp.int32(i), key) for i in range(sample.tangents.shape[-1])]
    return jnp.stack([value for value, _ in found]), jnp.stack([influence for _, influence in found])


@eqx.filter_jit
def _slope(problem: Problem, objective: Any, sample: _Realised, which: Array, key: Array) -> tuple[Array, Array]:
    """Along one of the tangents: a realisation has a part in many pairs of curves, and does what its weight does.

    The mean over realisations with tangents stands for that over all.
    """
    first = len(sample.tangents)
    along = jnp.zeros_like(sample.rates).at[:first].set(sample.tangents[..., which])

    def slope(weight: Array) -> Array:
        def loss(rates: Array) -> Array:
            generated = dataclasses.replace(sample.curves(weight), rates=rates)
            return problem.distance.loss(generated, objective, problem.data, key)

        rates = sample.curves(weight).rates
        moved = jax.jvp(loss, (rates,), (along.reshape(rates.shape),))[1]
        return moved * weight.sum() / jnp.maximum(weight[:first].sum(), 1)

    return jax.value_and_grad(slope)(sample.accepted.astype(sample.rates.dtype))


@eqx.filter_jit
def _unit_slope(problem: Problem, objective: Any, sample: _Realised, which: Array, key: Array) -> Array:
    """What the weight of each unit does to the slope along one of the tangents, (units,)."""
    generated = sample.curves(sample.accepted)
    along = sample.tangents[..., which].reshape(generated.rates.shape)

    def slope(unit_weights: Array) -> Array:
        def loss(rates: Array) -> Array:
            curves, data = dataclasses.replace(generated, rates=rates), problem.data.reweighted(unit_weights)
            return problem.distance.loss(curves, objective, data, key)

        return jax.jvp(loss, (generated.rates,), (along,))[1]

    return jax.grad(slope)(jnp.ones(len(problem.data.rates), generated.rates.dtype))


@eqx.filter_jit
def _assess(
    problem: Problem, objective: Any, sample: _Realised, slopes: Array, influence: Array, key: Array
) -> tuple[tuple[Array, Array, Array, Array, Array], StepRecord]:
    """The fields of the linearised loss, and a record of the sample."""
    about = objective, problem.data, key
    loss = problem.distance.loss(sample.curves(sample.accepted), *about)
    generated, tangents = sample.with_tangents()
    metric = problem.distance.metric(generated, tangents, *about)
    fixed = problem.distance.sampling(generated, tangents, *about)
    unknown = jnp.full((2, *metric.shape), jnp.nan)
    sampling = unknown if fixed is None or problem.penalties else jnp.stack([fixed.curvature, fixed.noise])

    accepted = sample.accepted.astype(loss.dtype)
    first = accepted[: len(sample.cost_tangents)]
    n = jnp.maximum(first.sum(), 1)
    cost = sample.cost_tangents.sum(axis=0) / n
    gradient = slopes + cost
    influence = influence.T.at[: len(first)].add((sample.cost_tangents - cost[None]) / n) * accepted[:, None]
    penalty = jnp.sum(sample.cost * accepted) / jnp.maximum(accepted.sum(), 1)
    found = loss + penalty, gradient, metric, influence.T @ influence, sampling
    saturated = (sample.status == Status.SATURATED).mean()
    rejected = (~sample.accepted).mean() - saturated
    numbers = jnp.concatenate([gradient, jnp.where(jnp.isfinite(metric).all(), 0, jnp.nan)[None]])
    return found, problem.record(loss, penalty, numbers, rejected, saturated, jnp.zeros(()))
