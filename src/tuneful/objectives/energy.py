"""Energy distance between the generated and the measured curves."""

from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.objectives.base import AbstractObjective, Draw, Generated, Measured, weighted_mean
from tuneful.objectives.feature_map import FeatureMap

SMOOTH = 0.1  # of whitened units, of order one between curves: closer ones count as this far apart


class EnergyState(eqx.Module):
    """What the data alone decide.

    feature_map
        How curves are looked at.
    seen
        The measured curves as they are compared.
    spread
        E|x - x'| between measured curves.
    """

    feature_map: FeatureMap
    seen: Float[Array, "units features"]
    spread: Float[Array, ""]


@final
class EnergyDistance(AbstractObjective):
    r"""Energy distance, 2 E|x - y| - E|x - x'| - E|y - y'|, with x, x' measured and y, y' generated.

    It is zero if and only if the two distributions agree [Székely & Rizzo 2013]. The estimate is unbiased: no curve
    is compared with one of its own realisation. All measured units take part in every step.

    Missing conditions are masked: unit i is compared with generated curves seen through its own mask, and so is
    E|y - y'|, which makes the sum the energy score of unit i [Gneiting & Raftery 2007], proper for what was measured.
    Curves are whitened with the covariance of the data by default: conditions of a tuning curve vary together, and
    in plain Hz the distance sees their common height and little of their shape.

    Parameters
    ----------
    whiten, ridge, shapes, log_above
        See `FeatureMap`.

    >>> objective = EnergyDistance(whiten=False)
    >>> key, data = jax.random.key(0), Measured.from_rates([[1.0, 2.0], [3.0, 2.0]])
    >>> generated = Generated(jnp.array([[5.0, 2.0], [7.0, 2.0]]), jnp.ones(2))
    >>> float(objective.loss(generated, objective.init(key, data), data, key))  # 2 * 4 - 2 - 2
    4.0
    """

    label: ClassVar[str] = "energy"
    compares_pairs: ClassVar[bool] = True

    whiten: bool = eqx.field(static=True, default=True)
    ridge: float = eqx.field(static=True, default=0.1)
    shapes: bool = eqx.field(static=True, default=False)
    log_above: float | None = eqx.field(static=True, default=None)

    def init(self, key: PRNGKeyArray, data: Measured) -> EnergyState:
        del key
        feature_map = FeatureMap.of(data, self.whiten, self.ridge, self.shapes, self.log_above)
        seen = feature_map.of_units(data.rates, jnp.arange(len(data.rates)))
        return EnergyState(feature_map, seen, measured_spread(feature_map, data))

    def update(self, state: EnergyState, generate: Draw, data: Measured, key: PRNGKeyArray) -> EnergyState:
        del generate, data, key
        return state

    def loss(self, generated: Generated, state: EnergyState, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate the distance; the terms are those of the class, each over the pairs that it names."""
        del data, key
        weight = generated.weight
        seen = state.feature_map.of_patterns(generated.rates)

        def cross(unit: Array, pattern: Array) -> Array:
            return weighted_mean(_distance(unit[None], seen[pattern]), weight)

        def within(curves: Array) -> Array:
            return weighted_mean(_distance(curves[:, None], curves[None]), _distinct_pairs(weight, generated.n_cells))

        to_data = jax.vmap(cross)(state.seen, state.feature_map.pattern).mean()
        among_generated = jnp.dot(state.feature_map.fraction, jax.lax.map(within, seen))
        return 2 * to_data - among_generated - state.spread

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: EnergyState,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        r"""Compute the curvature of the distance where model and data agree, which is positive everywhere.

        With t_a the derivative of a generated curve y in parameter a, as curves are compared,

            2 E[t_a^T (1 - u u^T) t'_b / |y - y'|],   u = (y - y') / |y - y'|,

        from 2 E|x - y| - E|y - y'| by differentiating the second term in both curves; the others cancel there. The
        distance is smoothed, sqrt(|y - y'|^2 + SMOOTH^2), which keeps the sum over a sample positive.
        """
        del data, key
        seen, moved = jax.vmap(
            lambda tangent: jax.jvp(state.feature_map.of_patterns, (generated.rates,), (tangent,)), -1, (None, -1)
        )(tangents)
        weight = generated.weight / jnp.maximum(generated.weight.sum(), 1)
        metrics = jax.lax.map(lambda pattern: _metric(pattern[0], pattern[1], weight), (seen, moved))
        return jnp.einsum("p,pab->ab", state.feature_map.fraction, metrics)


def _distance(a: Array, b: Array) -> Array:
    """Euclidean distance along the last axis, with a zero gradient where it is zero (two silent cells)."""
    squared = jnp.sum((a - b) ** 2, axis=-1)
    return jnp.sqrt(jnp.maximum(squared, jnp.finfo(squared.dtype).tiny))


def _distinct_pairs(weight: Array, n_cells: int) -> Array:
    """Weights of all pairs of curves of different realisations, each of so many cells."""
    realisation = np.arange(len(weight)) // n_cells
    return weight[:, None] * weight[None] * jnp.asarray(realisation[:, None] != realisation, weight.dtype)


def measured_spread(feature_map: FeatureMap, data: Measured) -> Float[Array, ""]:
    """E|x - x'|: unit i against every other unit that was measured wherever i was, through i's mask."""

    def of_unit(unit: Array) -> tuple[Array, Array]:
        reaches = jnp.all(data.observed | ~data.observed[unit][None], axis=1).at[unit].set(False)
        seen = feature_map.of_units(data.rates, jnp.full(len(data.rates), unit))
        return weighted_mean(_distance(seen, seen[unit][None]), reaches.astype(seen.dtype)), reaches.any()

    spread, known = jax.lax.map(of_unit, jnp.arange(len(data.rates)))
    return weighted_mean(spread, known.astype(spread.dtype))


def _metric(seen: Array, tangents: Array, weight: Array) -> Array:
    """Twice the mean of the bracket in `EnergyDistance.metric`, (n, n), one curve with all others at a time."""

    def of_curve(curve: tuple[Array, Array, Array]) -> Array:
        y, tangent, own = curve
        apart = y[None] - seen
        distance = jnp.sqrt(jnp.sum(apart**2, axis=-1) + SMOOTH**2)
        shared = weight / distance
        sideways = jnp.einsum("k,kfb->fb", shared, tangents)
        along = jnp.einsum("kf,kfb->kb", apart, tangents) * (shared / distance**2)[:, None]
        return own * tangent.T @ (sideways - apart.T @ along)

    return 2 * jax.lax.map(of_curve, (seen, tangents, weight)).sum(axis=0)
