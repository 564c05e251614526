"""Distances between two sets of curves that are means over pairs of curves: 2 E d(x, y) - E d(x, x') - E d(y, y')."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from tuneful.objectives.base import Generated, Measured, Sampling, weighted_mean
from tuneful.objectives.feature_map import FeatureMap

Apart = Callable[[Array, Array], Array]  # d: how far curves are apart, along the last axis
Bend = Callable[[Array, Array], tuple[Array, Array]]  # see `pair_metric`

LEAST = 0.1  # of the metric with all pairs, along each direction


class PairState(eqx.Module):
    """What the data alone decide.

    feature_map
        How curves are looked at.
    seen
        The measured curves as they are compared.
    spread
        E d(x, x') between measured curves.
    is_careful
        Whether steps are held back (`pair_metric`).
    """

    feature_map: FeatureMap
    seen: Float[Array, "units features"]
    spread: Float[Array, ""]
    is_careful: Bool[Array, ""]

    @classmethod
    def of(cls, apart: Apart, feature_map: FeatureMap, data: Measured) -> "PairState":
        """Look at the measured curves."""
        seen = feature_map.of_units(data.rates, jnp.arange(len(data.rates)))
        return cls(feature_map, seen, measured_spread(apart, feature_map, data), jnp.array(False))

    def careful(self) -> "PairState | None":
        """The same with steps held back; None if they are."""
        return None if self.is_careful else dataclasses.replace(self, is_careful=jnp.array(True))


def pair_loss(apart: Apart, generated: Generated, state: PairState, data: Measured) -> Float[Array, ""]:
    """Estimate the distance without bias: no curve is compared with one of its own realisation.

    Unit i is compared with generated curves seen through its own missing conditions, and so is E d(y, y'). Weights of
    units do not weigh E d(x, x'), on which no parameter depends.
    """
    weight = generated.weight
    seen = state.feature_map.of_generated(generated)

    def cross(unit: Array, pattern: Array) -> Array:
        return weighted_mean(apart(unit[None], seen[pattern]), weight)

    def within(curves: Array) -> Array:
        return weighted_mean(apart(curves[:, None], curves[None]), distinct_pairs(weight, generated.n_cells))

    to_data = data.mean(jax.vmap(cross)(state.seen, state.feature_map.pattern))
    among_generated = jnp.dot(state.feature_map.fractions(data), jax.lax.map(within, seen))
    return 2 * to_data - among_generated - state.spread


@eqx.filter_jit
def measured_spread(apart: Apart, feature_map: FeatureMap, data: Measured) -> Float[Array, ""]:
    """E d(x, x'): unit i against every other unit that was measured wherever i was, through i's mask."""

    def of_unit(unit: Array) -> tuple[Array, Array]:
        reaches = jnp.all(data.observed | ~data.observed[unit][None], axis=1).at[unit].set(False)
        seen = feature_map.of_units(data.rates, jnp.full(len(data.rates), unit))
        return weighted_mean(apart(seen, seen[unit][None]), reaches.astype(seen.dtype)), reaches.any()

    spread, known = jax.lax.map(of_unit, jnp.arange(len(data.rates)))
    return weighted_mean(spread, known.astype(spread.dtype))


def pair_metric(bend: Bend, generated: Generated, tangents: Array, state: PairState) -> Float[Array, "n n"]:
    r"""Compute the curvature of the distance where model and data agree, (n, n).

    With t_a the derivative of a generated curve y in parameter a, as curves are compared, and d = f(|y - y'|^2),

        2 E[t_a^T (2 f' + 4 f'' (y - y') (y - y')^T) t'_b],

    from 2 E d(x, y) - E d(y, y') by differentiating the second term in both curves; the others cancel there. Over a
    sample with all of its pairs it is positive, as -d is the kernel of a positive form between distributions.

    Pairs of a curve with itself, or with others of its realisation, are near each other and move together. In a
    sample of hundreds they make most of the curvature along parameters that move every curve its own way, and steps
    would be many times too short: it is that of pairs of different realisations, but along no direction less than
    `LEAST` of that with all. With all they are where `PairState.is_careful`.

    Parameters
    ----------
    bend
        Of squared distances, and of weights of the same shape: weight 2 f' and -weight 4 f''.
    generated, tangents, state
        As in `AbstractObjective.metric`.
    """
    every, own = _summed(bend, generated, *_moved(generated, tangents, state), state)
    all_pairs = every / jnp.maximum(generated.weight.sum(), 1) ** 2
    return jnp.where(state.is_careful, all_pairs, _bounded((every - own) / _distinct(generated), all_pairs))


def _bounded(metric: Array, above: Array) -> Array:
    """The nearest to a metric that is between `LEAST` of another and that other, (n, n), along each direction."""
    values, axes = jnp.linalg.eigh(above)
    is_felt = values > jnp.finfo(values.dtype).eps * values[-1]
    root = jnp.sqrt(jnp.where(is_felt, values, 0))
    scaled = axes * jnp.where(is_felt, 1 / jnp.where(is_felt, root, 1), 0)[None]
    shares, directions = jnp.linalg.eigh(scaled.T @ metric @ scaled)
    along = axes @ (root[:, None] * directions)
    return along * jnp.clip(shares, LEAST, 1)[None] @ along.T


def pair_sampling(bend: Bend, generated: Generated, tangents: Array, state: PairState) -> Sampling:
    """Compute the curvature from pairs of different realisations, and the noise from the scatter over units.

    A unit x adds 2 E d(x, y) to the distance, with the derivative 2 E[2 f' (y - x)^T t]. Arguments are
    those of `pair_metric`.
    """
    seen, moved = _moved(generated, tangents, state)
    every, own = _summed(bend, generated, seen, moved, state)
    weight = generated.weight / jnp.maximum(generated.weight.sum(), 1)

    def slope(unit: tuple[Array, Array]) -> Array:
        x, pattern = unit
        away = seen[pattern] - x[None]
        first, _ = bend(jnp.sum(away**2, axis=-1), weight)
        return 2 * jnp.einsum("k,kf,kfa->a", first, away, moved[pattern])

    by_unit = jax.lax.map(slope, (state.seen, state.feature_map.pattern))
    by_unit = by_unit - by_unit.mean(axis=0)[None]
    return Sampling((every - own) / _distinct(generated), by_unit.T @ by_unit / len(by_unit) ** 2)


def _moved(generated: Generated, tangents: Array, state: PairState) -> tuple[Array, Array]:
    """Curves and their derivatives as they are compared, (patterns, curves, features) and one more axis."""

    def seen(rates: Array) -> Array:
        return state.feature_map.of_generated(dataclasses.replace(generated, rates=rates))

    return jax.vmap(lambda tangent: jax.jvp(seen, (generated.rates,), (tangent,)), -1, (None, -1))(tangents)


def _summed(bend: Bend, generated: Generated, seen: Array, moved: Array, state: PairState) -> tuple[Array, Array]:
    """Twice the bracket in `pair_metric`, (n, n), summed over all pairs, and over those of one realisation."""

    def both(pattern: tuple[Array, Array]) -> tuple[Array, Array]:
        curves = *pattern, generated.weight
        realisations = tuple(a.reshape(-1, generated.n_cells, *a.shape[1:]) for a in curves)
        own = jax.lax.map(lambda some: _bent(bend, *some), realisations)
        return _bent(bend, *curves), own.sum(axis=0)

    found = jax.lax.map(both, (seen, moved))
    every, own = (jnp.einsum("p,pab->ab", state.feature_map.fraction, part) for part in found)
    return every, own


def _bent(bend: Bend, seen: Array, tangents: Array, weight: Array) -> Array:
    """Sum over all pairs of some curves, (n, n), one curve with all at a time."""

    def of_curve(curve: tuple[Array, Array, Array]) -> Array:
        y, tangent, own = curve
        apart = y[None] - seen
        first, second = bend(jnp.sum(apart**2, axis=-1), weight)
        sideways = jnp.einsum("k,kfb->fb", first, tangents)
        along = jnp.einsum("kf,kfb->kb", apart, tangents) * second[:, None]
        return own * tangent.T @ (sideways - apart.T @ along)

    return 2 * jax.lax.map(of_curve, (seen, tangents, weight)).sum(axis=0)


def _distinct(generated: Generated) -> Array:
    """How many pairs of curves of different realisations there are."""
    each = generated.realisation_weight * generated.n_cells
    return jnp.maximum(each.sum() ** 2 - jnp.sum(each**2), 1)


def distinct_pairs(weight: Array, n_cells: int) -> Array:
    """Weights of all pairs of curves of different realisations, each of so many cells."""
    realisation = np.arange(len(weight)) // n_cells
    return weight[:, None] * weight[None] * jnp.asarray(realisation[:, None] != realisation, weight.dtype)
