"""Energy distance between the generated and the measured curves."""

from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.objectives.base import AbstractObjective, Generated, Measured, weighted_mean
from tuneful.objectives.feature_map import FeatureMap, Relative
from tuneful.objectives.pairs import PairState, distinct_pairs, pair_loss, pair_metric
from tuneful.solvers.precision import exact_products

SMOOTH = 0.1  # of whitened units, of order one between curves: closer ones count as this far apart


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
    whiten, ridge, shapes, log_above, relative
        See `FeatureMap`.

    >>> import jax
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
    relative: Relative | None = eqx.field(static=True, default=None)

    def init(self, key: PRNGKeyArray, data: Measured) -> PairState:
        del key
        feature_map = FeatureMap.of(data, self.whiten, self.ridge, self.shapes, self.log_above, self.relative)
        return PairState.of(_distance, feature_map, data)

    def loss(self, generated: Generated, state: PairState, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate the distance; the terms are those of the class, each over the pairs that it names."""
        del key
        return pair_loss(_distance, generated, state, data)

    def careful(self, state: PairState) -> PairState | None:
        return state.careful()

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: PairState,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        r"""Compute the curvature of the distance where model and data agree, which is positive everywhere.

        With t_a the derivative of a generated curve y in parameter a, as curves are compared,

            2 E[t_a^T (1 - u u^T) t'_b / |y - y'|],   u = (y - y') / |y - y'|,

        see `pair_metric`. The distance is smoothed, sqrt(|y - y'|^2 + SMOOTH^2), which keeps the sum over a
        sample positive.
        """
        del data, key
        return pair_metric(smoothed_bend, generated, tangents, state)


@eqx.filter_jit
def energy_scores(generated: Generated, view: FeatureMap, data: Measured) -> Float[Array, " units"]:
    r"""Score the curves of a circuit by every measured unit: E|x - y| - E|y - y'| / 2, the lower the better.

    The expected score is lowest for the distribution that the unit comes from, whatever that is [the energy score is
    proper, Gneiting & Raftery 2007]. Everything is seen through the missing conditions of the unit; curves of one
    realisation are not compared with each other.

    Parameters
    ----------
    generated
        y, of two realisations or more.
    view
        How curves are seen, made of `data`.
    data
        x, in the order in which the view was made of them.

    Returns
    -------
    Array
        One score a unit, in the unit of the view.

    >>> data = Measured.from_rates([[1.0], [5.0]])
    >>> view = FeatureMap.of(data, whiten=False, ridge=0.0)
    >>> energy_scores(Generated(jnp.array([[2.0], [4.0]]), jnp.ones(2)), view, data).tolist()  # (1 + 3) / 2 - 2 / 2
    [1.0, 1.0]
    """
    seen = view.of_generated(generated)
    units = view.of_units(data.rates, jnp.arange(len(data.rates)))
    pairs = distinct_pairs(generated.weight, generated.n_cells)
    within = jax.lax.map(lambda curves: weighted_mean(_distance(curves[:, None], curves[None]), pairs), seen)

    def score(unit: tuple[Array, Array]) -> Array:
        x, pattern = unit
        return weighted_mean(_distance(x[None], seen[pattern]), generated.weight) - within[pattern] / 2

    return jax.lax.map(score, (units, view.pattern))


def _distance(a: Array, b: Array) -> Array:
    """Euclidean distance along the last axis, with a zero gradient where it is zero (two silent cells)."""
    squared = jnp.sum((a - b) ** 2, axis=-1)
    return jnp.sqrt(jnp.maximum(squared, jnp.finfo(squared.dtype).tiny))


@exact_products()  # of which small differences are taken
def smoothed_distances(a: Float[Array, "n features"], b: Float[Array, "m features"]) -> Float[Array, "n m"]:
    """Distances of all curves of two sets, sqrt(|a - b|^2 + SMOOTH^2)."""
    squared = jnp.sum(a**2, axis=-1)[:, None] + jnp.sum(b**2, axis=-1)[None] - 2 * a @ b.T
    return jnp.sqrt(jnp.maximum(squared, 0) + SMOOTH**2)


def smoothed_bend(squared: Array, weight: Array) -> tuple[Array, Array]:
    """Weights over the smoothed distance, and over its cube; see `pair_metric`."""
    distance = jnp.sqrt(squared + SMOOTH**2)
    shared = weight / distance
    return shared, shared / distance**2
