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
from tuneful.circuits.ensemble import map_realisations
from tuneful.fitting.problem import Problem, StepRecord
from tuneful.fitting.unconstrained import with_unconstrained
from tuneful.objectives.base import Generated
from tuneful.solvers import Status

CHUNK = 24  # realisations that are computed at once: one program serves samples of all sizes


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
    """Realisations of a circuit: curves, costs, and the derivatives of both in all parameters, on the last axis."""

    rates: Float[Array, "realisations cells conditions"]
    tangents: Float[Array, "realisations cells conditions n"]
    cost: Float[Array, " realisations"]
    cost_tangents: Float[Array, "realisations n"]
    accepted: Bool[Array, " realisations"]
    status: Int[Array, " realisations"]


def linearise(
    problem: Problem, unconstrained: dict[str, Array], objective: Any, key: Array, curves: int
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

    Returns
    -------
    The linearised loss, and a record of what became of the realisations; it tells whether the loss can be trusted.
    """
    for_sample, for_loss = jax.random.split(key)
    sample = _sampled(problem, unconstrained, for_sample, curves)
    found, record = _assess(problem, objective, sample, *_slopes(problem, objective, sample, for_loss), for_loss)
    return Linearised(*(np.array(a, float) for a in found)), record


def generated_at(problem: Problem, unconstrained: dict[str, Array], key: Array, curves: int) -> Generated:
    """The curves that `linearise` looks at with the same arguments."""
    return _curves(_sampled(problem, unconstrained, jax.random.split(key)[0], curves))[0]


def _sampled(problem: Problem, unconstrained: dict[str, Array], key: Array, curves: int) -> _Realised:
    """A sample of at least so many curves with their tangents, computed in chunks by one program."""
    realisations = -(-curves // problem.circuit.cells_per_realisation)
    chunks = [
        jax.tree.map(np.asarray, _realise(problem, unconstrained, key, jnp.uint32(first)))
        for first in range(0, realisations, CHUNK)
    ]
    return jax.tree.map(lambda *parts: jnp.asarray(np.concatenate(parts)[:realisations]), *chunks)


@eqx.filter_jit
def _realise(problem: Problem, unconstrained: dict[str, Array], key: Array, first: Array) -> _Realised:
    flat, unravel = ravel_pytree(unconstrained)
    circuit = problem.circuit
    if hasattr(circuit, "factorised"):
        circuit = dataclasses.replace(circuit, factorised=True)

    def realise(at: tuple[Array, AbstractCircuit], key: Array) -> _Realised:
        """One realisation; what did not settle, or has no derivative, is zero and not accepted."""
        flat, circuit = at

        def curves(flat: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            response, cost = problem.realise(with_unconstrained(circuit, unravel(flat)), key)
            is_saturated = jnp.asarray(response.status) == Status.SATURATED
            is_accepted = response.settled & ~is_saturated & jnp.isfinite(response.rates).all()
            return (response.rates, cost), (is_accepted, jnp.asarray(response.status))

        values, along, (accepted, status) = jax.linearize(curves, flat, has_aux=True)
        tangents = jax.vmap(along, out_axes=-1)(jnp.eye(len(flat), dtype=flat.dtype))
        known = accepted & jnp.isfinite(tangents[0]).all() & jnp.isfinite(tangents[1]).all()
        held = jax.tree.map(lambda a: jnp.where(known, a, 0), (*values, *tangents))
        rates, cost, rate_tangents, cost_tangents = held
        return _Realised(rates, rate_tangents, cost, cost_tangents, known, status)

    return map_realisations(realise, (flat, circuit), key, CHUNK, first)


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
    """Along one of the tangents: a realisation has a part in many pairs of curves, and does what its weight does."""
    generated, tangents = _curves(sample)
    tangent = tangents[..., which]

    def slope(weight: Array) -> Array:
        def loss(rates: Array) -> Array:
            return problem.objective.loss(Generated(rates, weight, generated.n_cells), objective, problem.data, key)

        return jax.jvp(loss, (generated.rates,), (tangent,))[1]

    value, by_weight = jax.value_and_grad(slope)(generated.weight)
    return value, by_weight.reshape(-1, generated.n_cells).sum(axis=-1)


def _curves(sample: _Realised) -> tuple[Generated, Array]:
    """The curves of a sample, and their tangents, (curves, conditions, n)."""
    cells = sample.rates.shape[1]
    rates, tangents = (a.reshape(-1, *a.shape[2:]) for a in (sample.rates, sample.tangents))
    return Generated(rates, jnp.repeat(sample.accepted.astype(rates.dtype), cells), cells), tangents


@eqx.filter_jit
def _assess(
    problem: Problem, objective: Any, sample: _Realised, slopes: Array, influence: Array, key: Array
) -> tuple[tuple[Array, Array, Array, Array, Array], StepRecord]:
    """The fields of the linearised loss, and a record of the sample."""
    generated, tangents = _curves(sample)
    loss = problem.objective.loss(generated, objective, problem.data, key)
    metric = problem.objective.metric(generated, tangents, objective, problem.data, key)
    accepted = sample.accepted.astype(loss.dtype)
    n = jnp.maximum(accepted.sum(), 1)
    cost = sample.cost_tangents.sum(axis=0) / n
    gradient = slopes + cost
    influence = (influence.T + (sample.cost_tangents - cost[None]) / n) * accepted[:, None]
    penalty = jnp.sum(sample.cost * accepted) / n
    fixed = problem.objective.sampling(generated, tangents, objective, problem.data, key)
    unknown = jnp.full((2, *metric.shape), jnp.nan)
    sampling = unknown if fixed is None or problem.penalties else jnp.stack([fixed.curvature, fixed.noise])
    found = loss + penalty, gradient, metric, influence.T @ influence, sampling
    saturated = (sample.status == Status.SATURATED).mean()
    rejected = (~sample.accepted).mean() - saturated
    numbers = jnp.concatenate([gradient, jnp.where(jnp.isfinite(metric).all(), 0, jnp.nan)[None]])
    return found, problem.record(loss, penalty, numbers, rejected, saturated, jnp.zeros(()))
