"""Sliced Wasserstein distance between the generated and the measured curves."""

from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.circuits.keys import Key, as_key
from tuneful.objectives.base import AbstractObjective, Generated, Measured
from tuneful.objectives.feature_map import FeatureMap, Relative


class SlicedState(eqx.Module):
    """What the data alone decide: how curves are looked at, and the measured ones as they are compared."""

    feature_map: FeatureMap
    seen: Float[Array, "units features"]


@final
class SlicedWasserstein(AbstractObjective):
    r"""Squared sliced Wasserstein distance: that of the quantiles of curves along random directions v.

    The mean over directions, uniform on the sphere and drawn anew from the key of every step, of

        int_0^1 (F_v^-1(q) - G_v^-1(q))^2 dq,

    the squared Wasserstein distance in one dimension, with F_v, G_v the distributions of v^T x over measured and of
    v^T y over generated curves [Rabin et al. 2012; Bonneel et al. 2015]. Any two numbers of curves, and any weights,
    are compared exactly. It is zero if and only if the distributions agree. It needs no pairs and no lengths of
    kernels, and it is biased: samples of one distribution are at a distance that falls with their sizes, so that few
    curves a step favour circuits whose curves differ less. Take large batches.

    Where conditions are missing, F_v has every unit seen through its own, and G_v every generated curve through those
    of all units in turn: two mixtures that agree where the distributions do.

    The curvature that a refinement goes by is that of the quantiles as they stand, which is positive and no less than
    that of the distance: neighbours in a direction may move apart and be exchanged.

    Parameters
    ----------
    projections
        Directions a step.
    whiten, ridge, shapes, log_above, relative
        See `FeatureMap`.

    Raises
    ------
    ValueError
        Without a projection.

    >>> objective = SlicedWasserstein(whiten=False)
    >>> key, data = jax.random.key(0), Measured.from_rates([[1.0], [3.0]])
    >>> generated = Generated(jnp.array([[4.0]]), jnp.ones(1))
    >>> float(objective.loss(generated, objective.init(key, data), data, key))  # (3^2 + 1^2) / 2
    5.0
    """

    label: ClassVar[str] = "sliced-wasserstein"

    projections: int = eqx.field(static=True, default=100)
    whiten: bool = eqx.field(static=True, default=True)
    ridge: float = eqx.field(static=True, default=0.1)
    shapes: bool = eqx.field(static=True, default=False)
    log_above: float | None = eqx.field(static=True, default=None)
    relative: Relative | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        if self.projections < 1:
            raise ValueError(f"projections must be at least 1, and is {self.projections}.")

    def init(self, key: PRNGKeyArray, data: Measured) -> SlicedState:
        del key
        feature_map = FeatureMap.of(data, self.whiten, self.ridge, self.shapes, self.log_above, self.relative)
        return SlicedState(feature_map, feature_map.of_units(data.rates, jnp.arange(len(data.rates))))

    def loss(self, generated: Generated, state: SlicedState, data: Measured, key: Key) -> Float[Array, ""]:
        """Compute the squared distance along as many directions as there are projections."""
        drawn = jax.random.normal(as_key(key), (self.projections, state.seen.shape[1]), state.seen.dtype)
        directions = drawn / jnp.linalg.norm(drawn, axis=1, keepdims=True)
        seen = state.feature_map.of_generated(generated)
        weight = state.feature_map.fractions(data)[:, None] * generated.weight[None]
        every = jnp.ones(len(state.seen), state.seen.dtype) if data.unit_weights is None else data.unit_weights

        def along(direction: Array) -> Array:
            return squared_distance(state.seen @ direction, every, (seen @ direction).reshape(-1), weight.reshape(-1))

        return jax.lax.map(along, directions).mean()


def squared_distance(
    a: Float[Array, " n"], a_weight: Float[Array, " n"], b: Float[Array, " m"], b_weight: Float[Array, " m"]
) -> Float[Array, ""]:
    """Squared Wasserstein distance of two weighted samples of numbers, differentiable in numbers and weights.

    Between two levels at which either quantile function steps, both are constant. Numbers of weight 0 do not count.
    """
    (a, a_level), (b, b_level) = _quantiles(a, a_weight), _quantiles(b, b_weight)
    levels = jnp.sort(jnp.concatenate([a_level, b_level]))
    width = jnp.diff(levels, prepend=0)
    middle = jax.lax.stop_gradient(levels - width / 2)
    i, j = (
        jnp.minimum(jnp.searchsorted(jax.lax.stop_gradient(level), middle), len(level) - 1)
        for level in (a_level, b_level)
    )
    return jnp.sum(width * (a[i] - b[j]) ** 2)


def _quantiles(values: Array, weight: Array) -> tuple[Array, Array]:
    """Values in their order, those of weight 0 last, and the level up to which each is the quantile."""
    counts = weight > 0
    values = jnp.where(counts, values, 0)
    order = jnp.argsort(jnp.where(counts, jax.lax.stop_gradient(values), jnp.inf))
    level = jnp.cumsum(weight[order])
    return values[order], level / jnp.maximum(level[-1], jnp.finfo(level.dtype).tiny)
