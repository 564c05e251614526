"""The distance of a circuit to any set of curves around a point, to second order in its parameters."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from tuneful.objectives import Generated
from tuneful.objectives.base import weighted_mean
from tuneful.objectives.energy import SMOOTH, smoothed_bend, smoothed_distances
from tuneful.objectives.feature_map import FeatureMap
from tuneful.objectives.pairs import PairState, distinct_pairs, pair_metric
from tuneful.solvers.precision import exact_products

LONGEST = 1.0  # of steps in unconstrained parameters: curves are not followed further
FLATTEST = 1e-3  # of the mean curvature: flatter directions are hardly moved along


class LocalDistance(eqx.Module):
    r"""Smoothed energy distance of sets of n units to a circuit around a point, D + g . d + d M d / 2.

    D and its gradient g in the n parameters are those of a set, the curvature M that of the circuit (`pair_metric`).
    Everything is seen through the missing conditions of each unit.

    generated, tangents
        Curves of the circuit at the point, with their derivatives; of one label.
    view
        How curves are seen; its patterns are those of the units.
    among, slopes
        E|y - y'| through each pattern, and its derivatives, (patterns, n).
    metric
        M, (n, n).
    """

    generated: Generated
    tangents: Float[Array, "curves conditions n"]
    view: FeatureMap
    among: Float[Array, " patterns"]
    slopes: Float[Array, "patterns n"]
    metric: Float[Array, "n n"]

    @classmethod
    @exact_products()
    def of(
        cls, generated: Generated, tangents: Float[Array, "curves conditions n"], view: FeatureMap
    ) -> LocalDistance:
        """Look at the circuit alone."""
        among, slopes = _among(generated, tangents, view)
        zero = jnp.zeros((), generated.rates.dtype)
        # The metric over all pairs asks for the view only.
        state = PairState(view, zero[None, None], zero, is_careful=jnp.array(True))
        return cls(
            generated,
            tangents,
            view,
            among,
            slopes,
            jax.jit(pair_metric, static_argnums=0)(smoothed_bend, generated, tangents, state),
        )

    @exact_products()
    def look(
        self, sets: Float[np.ndarray, "sets units conditions"]
    ) -> tuple[Float[np.ndarray, " sets"], Float[np.ndarray, "sets n"]]:
        """Compute D and g of several sets of units with the same missing conditions."""
        distance, gradient = _look(self, jnp.asarray(sets, self.generated.rates.dtype))
        return np.asarray(distance, float), np.asarray(gradient, float)

    def moved(self, step: Float[np.ndarray, " n"]) -> np.ndarray:
        """The generated curves after a step of the parameters, to first order, without those that did not settle."""
        kept = np.asarray(self.generated.weight) > 0
        return np.asarray(self.generated.rates, float)[kept] + np.asarray(self.tangents, float)[kept] @ step


def steps_of(gradient: Float[np.ndarray, "sets n"], metric: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "sets n"]:
    """The step to the minimum of g . d + d M d / 2 for each set, shorter along flat directions and 1 at most.

    >>> steps_of(np.array([[2.0, 0.0]]), np.diag([4.0, 0.0])).round(2).tolist()
    [[-0.5, -0.0]]
    """
    floor = FLATTEST * np.trace(metric) / len(metric) + np.finfo(float).tiny
    steps = -np.linalg.solve(metric + floor * np.eye(len(metric)), gradient.T).T
    length = np.linalg.norm(steps, axis=1, keepdims=True)
    return steps * np.minimum(1, LONGEST / np.maximum(length, LONGEST))


def of_units(view: FeatureMap, units: Int[np.ndarray, " some"]) -> FeatureMap:
    """The same view of some of the units only."""
    pattern = np.asarray(view.pattern)[units]
    kept, number = np.unique(pattern, return_inverse=True)
    fraction = np.bincount(number.ravel()) / len(units)
    return dataclasses.replace(
        view,
        pattern=jnp.asarray(number.ravel(), jnp.int32),
        observed=view.observed[kept],
        transform=view.transform[kept],
        fraction=jnp.asarray(fraction, view.fraction.dtype),
    )


def _through(view: FeatureMap, rates: Array, tangents: Array, pattern: Array) -> tuple[Array, Array]:
    """Curves through a pattern, (curves, features), and their derivatives, (curves, features, n)."""

    def seen(rates: Array) -> Array:
        return view.through(rates, pattern)

    return jax.vmap(lambda tangent: jax.jvp(seen, (rates,), (tangent,)), -1, (None, -1))(tangents)


@eqx.filter_jit
def _among(generated: Generated, tangents: Array, view: FeatureMap) -> tuple[Array, Array]:
    pairs = distinct_pairs(generated.weight, generated.n_cells)
    total = jnp.maximum(pairs.sum(), jnp.finfo(pairs.dtype).tiny)

    def of_pattern(pattern: Array) -> tuple[Array, Array]:
        y, t = _through(view, generated.rates, tangents, pattern)
        apart = smoothed_distances(y, y)
        near = pairs / apart
        along = jnp.einsum("j,jf,jfa->a", near.sum(axis=1), y, t) - jnp.einsum("jf,jfa->a", near @ y, t)
        return jnp.sum(pairs * apart) / total, 2 * along / total

    return jax.lax.map(of_pattern, jnp.arange(len(view.observed)))


@eqx.filter_jit
def _look(local: LocalDistance, sets: Array) -> tuple[Array, Array]:
    view, weight = local.view, local.generated.weight
    share = weight / jnp.maximum(weight.sum(), 1)
    observed = view.observed[view.pattern] > 0

    def of_unit(unit: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        """Distance of one unit to the circuit with its slopes, distances to the sets, and whether these are known."""
        number, own, pattern = unit
        x = view.through(own, pattern)
        y, t = _through(view, local.generated.rates, local.tangents, pattern)
        apart = smoothed_distances(x, y)
        near = share[None] / apart
        slope = near @ jnp.einsum("jf,jfa->ja", y, t) - jnp.einsum(
            "sf,sfa->sa", x, jnp.einsum("sj,jfa->sfa", near, t)
        )
        reaches = jnp.all(observed | ~observed[number][None], axis=1).at[number].set(False).astype(x.dtype)
        others = jax.vmap(lambda curves: view.through(curves, pattern))(sets)
        to_others = jnp.sqrt(jnp.sum((others - x[:, None]) ** 2, axis=-1) + SMOOTH**2)
        spread = jax.vmap(weighted_mean, (0, None))(to_others, reaches)
        distance = 2 * apart @ share - local.among[pattern]
        return distance, 2 * slope - local.slopes[pattern][None], spread, reaches.any()

    numbers = jnp.arange(sets.shape[1])
    distance, slope, spread, known = jax.lax.map(of_unit, (numbers, jnp.moveaxis(sets, 1, 0), view.pattern))
    among_units = jax.vmap(weighted_mean, (1, None))(spread, known.astype(spread.dtype))
    return distance.mean(axis=0) - among_units, slope.mean(axis=0)
