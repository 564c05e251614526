"""Maximum mean discrepancy between the generated and the measured curves."""

from typing import ClassVar, Literal, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.objectives.base import AbstractObjective, Generated, Measured, Sampling
from tuneful.objectives.feature_map import FeatureMap, Relative
from tuneful.objectives.pairs import Apart, Bend, PairState, pair_loss, pair_metric, pair_sampling


class DiscrepancyState(eqx.Module):
    """What the data alone decide: the measured curves as they are compared, and the lengths of the kernels."""

    pairs: PairState
    lengths: Float[Array, " scales"]


@final
class MaximumMeanDiscrepancy(AbstractObjective):
    r"""Squared maximum mean discrepancy, E k(x, x') + E k(y, y') - 2 E k(x, y), x measured and y generated.

    The squared distance between the means of two sets of curves in the space of a kernel k [Gretton et al. 2012,
    Lemma 6], unbiased: no curve is compared with one of its own realisation. With r = |x - y| / l,

        k = exp(-r^2 / 2) ("gaussian")  or  k = 1 / (1 + r^2 / 2) ("rational-quadratic", alpha = 1),

    averaged over several lengths l. Both are characteristic: it is zero if and only if the distributions agree. The
    tails of the second fall off as a power, so that curves far from all others still have a gradient.

    Missing conditions are masked as for the energy distance, which is the discrepancy of the kernel -|x - y|.

    Parameters
    ----------
    kernel
        Which of the two.
    scales
        Lengths l of the kernels, in units of `scale`. The longest lead a fit from where its curves are unlike all
        measured ones; near the minimum they add what means and variances say, and little of it.
    scale
        As curves are compared; by default the median distance between measured curves that differ.
    whiten, ridge, shapes, log_above, relative
        See `FeatureMap`.

    Raises
    ------
    ValueError
        For another kernel, and for scales that are not positive.

    >>> import jax
    >>> objective = MaximumMeanDiscrepancy(scales=(1.0,), scale=1.0, whiten=False)
    >>> key, data = jax.random.key(0), Measured.from_rates([[1.0], [1.0]])
    >>> generated = Generated(jnp.array([[3.0], [3.0]]), jnp.ones(2))
    >>> round(float(objective.loss(generated, objective.init(key, data), data, key)), 4)  # 1 + 1 - 2 / (1 + 2)
    1.3333
    """

    label: ClassVar[str] = "mmd"
    compares_pairs: ClassVar[bool] = True

    kernel: Literal["gaussian", "rational-quadratic"] = eqx.field(static=True, default="rational-quadratic")
    scales: tuple[float, ...] = eqx.field(static=True, default=(0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0))
    scale: float | None = eqx.field(static=True, default=None)
    whiten: bool = eqx.field(static=True, default=True)
    ridge: float = eqx.field(static=True, default=0.1)
    shapes: bool = eqx.field(static=True, default=False)
    log_above: float | None = eqx.field(static=True, default=None)
    relative: Relative | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        if self.kernel not in _KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(_KERNELS)}, not {self.kernel!r}.")
        if not self.scales or not min(self.scales) > 0 or not (self.scale is None or self.scale > 0):
            raise ValueError(f"scales and scale must be positive, not {self.scales} and {self.scale}.")

    def init(self, key: PRNGKeyArray, data: Measured) -> DiscrepancyState:
        del key
        feature_map = FeatureMap.of(data, self.whiten, self.ridge, self.shapes, self.log_above, self.relative)
        scale = median_distance(feature_map, data) if self.scale is None else self.scale
        lengths = jnp.asarray(scale * np.array(self.scales), data.rates.dtype)
        return DiscrepancyState(PairState.of(self._apart(lengths), feature_map, data), lengths)

    def loss(
        self, generated: Generated, state: DiscrepancyState, data: Measured, key: PRNGKeyArray
    ) -> Float[Array, ""]:
        """Estimate the squared discrepancy; unbiased, and so at times negative."""
        del key
        return pair_loss(self._apart(state.lengths), generated, state.pairs, data)

    def careful(self, state: DiscrepancyState) -> DiscrepancyState | None:
        pairs = state.pairs.careful()
        return None if pairs is None else DiscrepancyState(pairs, state.lengths)

    def metric(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: DiscrepancyState,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Float[Array, "n n"]:
        """Compute the curvature where model and data agree, which is positive: see `pair_metric`."""
        del data, key
        return pair_metric(self._bend(state.lengths), generated, tangents, state.pairs)

    def sampling(
        self,
        generated: Generated,
        tangents: Float[Array, "curves conditions n"],
        state: DiscrepancyState,
        data: Measured,
        key: PRNGKeyArray,
    ) -> Sampling:
        """Compute curvature and noise: see `pair_sampling`."""
        del data, key
        return pair_sampling(self._bend(state.lengths), generated, tangents, state.pairs)

    def _apart(self, lengths: Array) -> Apart:
        """-k, the distance of the pairs."""
        kernel = _KERNELS[self.kernel][0]
        return lambda a, b: -kernel(_squares(jnp.sum((a - b) ** 2, axis=-1), lengths)).mean(axis=-1)

    def _bend(self, lengths: Array) -> Bend:
        """First and second derivatives of -k in the squared distance, as `pair_metric` takes them."""
        derivatives = _KERNELS[self.kernel][1]

        def bend(squared: Array, weight: Array) -> tuple[Array, Array]:
            first, second = derivatives(_squares(squared, lengths))
            slope = (first / lengths[None] ** 2).mean(axis=-1)
            return weight * slope, weight * (second / lengths[None] ** 4).mean(axis=-1)

        return bend


def median_distance(feature_map: FeatureMap, data: Measured) -> float:
    """Median distance between measured curves that differ, unit i seen with those measured wherever i was.

    Without any such pair, the distance that independent curves of that size would have; 1 if all are silent.
    """
    observed = np.asarray(data.observed)
    own = np.asarray(feature_map.of_units(data.rates, jnp.arange(len(data.rates))), float)
    patterns = np.asarray(feature_map.of_patterns(data.rates), float)
    found = []
    for unit, pattern in enumerate(np.asarray(feature_map.pattern)):
        reaches = (observed | ~observed[unit]).all(axis=1)
        found.append(np.linalg.norm(patterns[pattern][reaches] - own[unit], axis=1))
    distances = np.concatenate(found)
    differing = distances[distances > 1e-6 * distances.max()]  # beyond rounding: a curve is no distance from itself
    typical = np.median(differing) if differing.size else np.sqrt(2 * np.mean(np.sum(own**2, axis=1)))
    return float(typical) or 1.0


def _squares(squared: Array, lengths: Array) -> Array:
    """r^2 / 2 for every length, on a last axis."""
    return squared[..., None] / (2 * lengths.reshape(*(1,) * squared.ndim, -1) ** 2)


def _gaussian(u: Array) -> tuple[Array, Array]:
    return jnp.exp(-u), jnp.exp(-u)


def _rational_quadratic(u: Array) -> tuple[Array, Array]:
    return 1 / (1 + u) ** 2, 2 / (1 + u) ** 3


# k as a function of u = r^2 / 2, and -k' and k'': a change of |x - y|^2 by 2 l^2 changes u by one.
_KERNELS = {
    "gaussian": (lambda u: jnp.exp(-u), _gaussian),
    "rational-quadratic": (lambda u: 1 / (1 + u), _rational_quadratic),
}
