"""Moment matching: means and variances of the curves in every condition, those of generated and of measured ones."""

import dataclasses
from typing import Any, ClassVar, Literal, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.objectives.base import Generated, Measured
from tuneful.objectives.feature_map import FeatureMap, Relative
from tuneful.objectives.simulated_moments import AbstractSimulatedMoments, of_realisations


class MatchingState(eqx.Module):
    """What the data alone decide.

    feature_map
        How curves are looked at.
    share
        Of the units that were measured in a condition, the fraction that have each pattern of missing ones.
    measured
        Mean and variance in every condition.
    weight
        Of the squared differences of the two; 0 where fewer than two units were measured.
    deviation
        What every measured unit adds to the two.
    sampling
        What the sampling error of the measured curves adds to the squared distance.
    """

    feature_map: FeatureMap
    share: Float[Array, "patterns conditions"]
    measured: Float[Array, "2 conditions"]
    weight: Float[Array, "2 conditions"]
    deviation: Float[Array, "units 2 conditions"]
    sampling: Float[Array, ""]


@final
class MomentMatching(AbstractSimulatedMoments):
    r"""Weighted squared distance of the means m, m' and variances v, v' of the curves in each of D conditions.

        1/D sum_d [ (m_d - m'_d)^2 / w_d^2 + variances (v_d - v'_d)^2 / w_d^4 ],

    m', v' those of the measured curves, minus what the sampling errors of both sides add to it [Arakaki, Barello &
    Ahmadian 2019, moment matching]: of the means exactly, of the variances to first order in one over the number of
    realisations. It sees neither how conditions vary together nor the form of a distribution: two sets of curves at
    distance zero may differ. It is a baseline; `Moments` is another thing, whose moments are mean distances to
    measured curves.

    A condition is compared over the units that were measured in it, and generated curves are seen as these are.

    Parameters
    ----------
    variances
        The weight of variances; that of means is 1.
    weights
        What differences are relative to. "mean": w is the mean of all measured rates, in every condition, as in the
        paper. "spread": w_d^2 is the measured variance in the condition, so that small rates count as large ones do.
    ridge
        With "spread", added to every variance, as a fraction of their mean.
    log_above, relative
        See `FeatureMap`.

    Raises
    ------
    ValueError
        For a negative weight or ridge, and for other `weights`.

    >>> objective = MomentMatching(variances=0.0)
    >>> key, data = jax.random.key(0), Measured.from_rates([[1.0, 2.0], [1.0, 2.0]])
    >>> generated = Generated(jnp.array([[4.0, 2.0], [4.0, 2.0]]), jnp.ones(2))
    >>> float(objective.loss(generated, objective.init(key, data), data, key))  # (3 / 1.5)^2 / 2
    2.0
    """

    label: ClassVar[str] = "moment-matching"

    variances: float = eqx.field(static=True, default=0.1)
    weights: Literal["mean", "spread"] = eqx.field(static=True, default="mean")
    ridge: float = eqx.field(static=True, default=0.01)
    log_above: float | None = eqx.field(static=True, default=None)
    relative: Relative | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        if not self.variances >= 0 or self.weights not in ("mean", "spread"):
            raise ValueError(
                'variances must not be negative and weights "mean" or "spread", not '
                f"{self.variances} and {self.weights!r}."
            )

    def init(self, key: PRNGKeyArray, data: Measured) -> MatchingState:
        """Take means and variances over the units measured in each condition, and what is known of them."""
        del key
        feature_map = FeatureMap.of(data, False, self.ridge, log_above=self.log_above, relative=self.relative)
        seen = np.asarray(feature_map.of_units(data.rates, jnp.arange(len(data.rates))), float)
        observed = np.asarray(data.observed, float)
        count = observed.sum(axis=0)
        mean, variance = _mean_and_variance(seen, observed)
        per_unit = np.stack([seen - mean, (seen - mean) ** 2 - variance], axis=1)
        deviation = per_unit * (observed * len(observed) / np.maximum(count, 1))[:, None]
        weight = np.where(count > 1, self._weights(np.asarray(feature_map.centre, float), variance), 0)
        spread = (observed[:, None] * per_unit**2).sum(axis=0) / np.maximum(count * (count - 1), 1)
        share = _shares(np.asarray(feature_map.observed * feature_map.fraction[:, None], float))
        arrays = share, np.stack([mean, variance]), weight, deviation, (weight * spread).sum()
        return MatchingState(feature_map, *(jnp.asarray(a, data.rates.dtype) for a in arrays))

    def loss(self, generated: Generated, state: MatchingState, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate the squared distance; what differs between realisations tells how uncertain it is."""
        del key
        state = state if data.unit_weights is None else _reweighted(state, data)
        weight = generated.realisation_weight
        n = jnp.maximum(weight.sum(), 1)
        pairs = jnp.maximum(n * (n - 1), 1)
        mean = _mean(state, generated)
        parts = of_realisations(_parts(state, generated, mean), generated.n_cells)
        second = jnp.einsum("r,rd->d", weight, parts[:, 1]) / n
        apart = parts - jnp.stack([mean, second])[None]
        uncertain = jnp.einsum("r,rmd->md", weight, apart**2) / pairs
        found = jnp.stack([mean, second + uncertain[0]])  # the variance about the true mean, not about that found
        return jnp.sum(state.weight * ((found - state.measured) ** 2 - uncertain)) - state.sampling

    def moved(
        self, generated: Generated, tangents: Float[Array, "curves conditions n"], state: MatchingState
    ) -> tuple[Array, Array]:
        """Derivatives of means and variances; what these are taken about is held, as they do not change with it."""
        mean = _mean(state, generated)

        def parts(rates: Array) -> Array:
            return _parts(state, dataclasses.replace(generated, rates=rates), mean)

        def along(tangent: Array) -> Array:
            moved = jax.jvp(parts, (generated.rates,), (tangent,))[1]
            weighted = of_realisations(moved * jnp.sqrt(state.weight)[None], generated.n_cells)
            return weighted.reshape(len(weighted), -1)

        return jax.vmap(along, -1, -1)(tangents), generated.realisation_weight

    def deviation(self, state: MatchingState) -> Array:
        deviation = state.deviation * jnp.sqrt(state.weight)[None]
        return deviation.reshape(len(deviation), -1)

    def _weights(self, centre: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Weights of squared differences of means and variances, (2, conditions)."""
        squared = np.broadcast_to(centre.mean() ** 2, centre.shape)
        if self.weights == "spread":
            squared = variance + self.ridge * variance.mean()
        squared = np.where(squared > 0, squared, 1)  # silent cells on one side: any unit will do
        return np.stack([1 / squared, self.variances / squared**2]) / len(centre)


def _mean_and_variance(seen: Any, weight: Any) -> tuple[Any, Any]:
    """Over units, in every condition, of arrays of NumPy or JAX; `weight`, (units, conditions), tells how often."""
    count = weight.sum(axis=0)
    mean = (weight * seen).sum(axis=0) / count.clip(1)
    return mean, (weight * (seen - mean[None]) ** 2).sum(axis=0) / (count - 1).clip(1)


def _shares(fraction: Any) -> Any:
    """Of the units measured in a condition, those of each pattern: from the fraction of all, 0 where not measured."""
    return fraction / fraction.sum(axis=0).clip(float(np.finfo(np.float32).tiny))[None]


def _reweighted(state: MatchingState, data: Measured) -> MatchingState:
    """Means and variances of weighted units; what differences are relative to stays."""
    feature_map, weights = state.feature_map, data.unit_weights
    assert weights is not None
    seen = feature_map.of_units(data.rates, jnp.arange(len(data.rates)))
    measured = jnp.stack(_mean_and_variance(seen, data.observed.astype(weights.dtype) * weights[:, None]))
    share = _shares(feature_map.observed * feature_map.fractions(data)[:, None])
    return eqx.tree_at(lambda s: (s.share, s.measured), state, (share, measured))


def _mean(state: MatchingState, generated: Generated) -> Array:
    """Mean of the generated curves in every condition, as they are seen."""
    seen = jnp.einsum("pd,pcd->cd", state.share, state.feature_map.of_generated(generated))
    weight = generated.weight
    return jnp.einsum("c,cd->d", weight, seen) / jnp.maximum(weight.sum(), 1)


def _parts(state: MatchingState, generated: Generated, mean: Array) -> Array:
    """The part of every curve in means and variances, (curves, 2, conditions): itself, and its squared deviation."""
    seen = state.feature_map.of_generated(generated)
    both = jnp.stack([seen, (seen - mean[None, None]) ** 2], axis=2)
    return jnp.einsum("pd,pcmd->cmd", state.share, both)
