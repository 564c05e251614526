"""Mean distances to measured curves, each weighted by what is known of it: the method of simulated moments."""

import dataclasses
from typing import ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, PRNGKeyArray

from tuneful.objectives.base import Generated, GenerateOnce, Measured
from tuneful.objectives.energy import smoothed_distances
from tuneful.objectives.feature_map import FeatureMap, Relative
from tuneful.objectives.simulated_moments import AbstractSimulatedMoments, of_realisations

STEP = 0.1  # of the damping, from one sample of a refinement to the next
LEAST_VARIANCE = 1e-6  # of distances between whitened curves, where measured ones do not differ


class MomentsState(eqx.Module):
    """What the data decide, and how the moments are weighted.

    feature_map
        How curves are looked at.
    landmarks
        The curves to which distances are taken, as they are seen through each pattern of missing conditions.
    measured
        The part of every measured curve in the moments.
    damping
        Added to the covariance that weights them, as a fraction of its trace.
    root
        R with R^T R the weights.
    sampling
        What the sampling error of the measured curves adds to the squared distance.
    """

    feature_map: FeatureMap
    landmarks: Float[Array, "patterns landmarks features"]
    measured: Float[Array, "units landmarks"]
    damping: Float[Array, ""]
    root: Float[Array, "landmarks landmarks"]
    sampling: Float[Array, ""]

    @property
    def scatter(self) -> np.ndarray:
        """Covariance of the parts of the measured curves, (landmarks, landmarks)."""
        return np.atleast_2d(np.cov(np.asarray(self.measured, float).T, bias=True))

    def weighted_by(self, covariance: np.ndarray, damping: float) -> "MomentsState":
        """The same moments with other weights: the inverse of a covariance, (landmarks, landmarks), damped."""
        root = inverse_root(covariance, damping)
        sampling = np.sum((root @ self.scatter) * root) / len(self.measured)
        new = (jnp.asarray(a, self.measured.dtype) for a in (damping, root, sampling))
        return eqx.tree_at(lambda s: (s.damping, s.root, s.sampling), self, tuple(new))


@final
class Moments(AbstractSimulatedMoments):
    r"""Squared distance of the moments of generated and measured curves, in units of what they can be known to.

    The moments m are mean distances to K of the measured curves, sqrt(|x - x_k|^2 + .1^2) between whitened curves:
    those from which the energy distance is made. It takes their plain sum, and along directions in which curves vary
    little it hardly notices a difference. Here they are weighted by their inverse covariance, damped,

        (m - m_data)^T (C + damping tr C)^-1 (m - m_data),

    minus what the sampling errors of both sides add to it: the method of simulated moments with its best weights
    [McFadden 1989; Pakes & Pollard 1989], for a continuum of moments [Carrasco & Florens 2000]. Times the number of
    measured curves it is a chi-square statistic; its minimum comes near the Cramér-Rao bound.

    Far from the minimum such weights lead astray: what the data hardly know is wrong by much. A refinement begins
    with `damping_first` and the covariance of the data, and divides the damping by ten with every larger sample, down
    to `damping`, while C becomes the mean of the covariances of measured and generated curves.

    Parameters
    ----------
    whiten, ridge, shapes, log_above, relative
        See `FeatureMap`.
    landmarks
        K at most: all measured curves, or every so many in the order of their mean rates.
    damping_first, damping
        Of the covariance, as fractions of its trace.

    Raises
    ------
    ValueError
        For no landmark, and for a damping that is not positive or above `damping_first`.

    >>> objective = Moments()
    >>> key, data = jax.random.key(0), Measured.from_rates([[1.0, 2.0], [3.0, 2.0], [2.0, 4.0]])
    >>> state = objective.init(key, data)
    >>> near, far = (Generated(data.rates + shift, jnp.ones(3)) for shift in (0.0, 5.0))
    >>> bool(objective.loss(near, state, data, key) < objective.loss(far, state, data, key))
    True
    """

    label: ClassVar[str] = "moments"
    weighs_units: ClassVar[bool] = True  # times the number of units, the distances of labels are chi-squares that add

    whiten: bool = eqx.field(static=True, default=True)
    ridge: float = eqx.field(static=True, default=0.1)
    shapes: bool = eqx.field(static=True, default=False)
    log_above: float | None = eqx.field(static=True, default=None)
    relative: Relative | None = eqx.field(static=True, default=None)
    landmarks: int = eqx.field(static=True, default=150)
    damping_first: float = eqx.field(static=True, default=1e-2)
    damping: float = eqx.field(static=True, default=1e-5)

    def __check_init__(self) -> None:
        if self.landmarks < 1:
            raise ValueError(f"landmarks must be at least 1, and is {self.landmarks}.")
        if not 0 < self.damping <= self.damping_first < np.inf:
            raise ValueError(
                "damping must be positive and not above damping_first, and they are "
                f"{self.damping} and {self.damping_first}."
            )

    def init(self, key: PRNGKeyArray, data: Measured) -> MomentsState:
        del key
        feature_map = FeatureMap.of(data, self.whiten, self.ridge, self.shapes, self.log_above, self.relative)
        landmarks = feature_map.of_patterns(jnp.asarray(landmark_rates(data, self.landmarks), data.rates.dtype))
        seen = feature_map.of_units(data.rates, jnp.arange(len(data.rates)))
        own = jax.vmap(lambda curve, to: smoothed_distances(curve[None], to)[0])(seen, landmarks[feature_map.pattern])
        zero, nothing = jnp.zeros((), own.dtype), jnp.zeros((own.shape[1],) * 2, own.dtype)
        state = MomentsState(feature_map, landmarks, own, zero, nothing, zero)
        return state.weighted_by(state.scatter, self.damping_first)

    def sharpened(self, state: MomentsState, generate: GenerateOnce, data: Measured) -> MomentsState:
        """Damp the weights less, and let them know how generated curves vary."""
        del data
        generated = generate()
        parts = np.asarray(jax.jit(_parts)(state, generated, state.feature_map.fraction), float)[
            np.asarray(generated.weight) > 0
        ]
        both = (state.scatter + np.cov(parts.T, bias=True)) / 2 if len(parts) > 1 else state.scatter
        return state.weighted_by(both, max(self.damping, STEP * float(state.damping)))

    def loss(self, generated: Generated, state: MomentsState, data: Measured, key: PRNGKeyArray) -> Float[Array, ""]:
        """Estimate the squared distance, without bias for given weights."""
        del key
        weight, fraction = generated.realisation_weight, state.feature_map.fractions(data)
        parts = of_realisations(_parts(state, generated, fraction) @ state.root.T, generated.n_cells)
        n = jnp.maximum(weight.sum(), 1)
        mean = weight @ parts / n
        apart = mean - state.root @ data.mean(state.measured)
        spread = weight @ jnp.sum((parts - mean[None]) ** 2, axis=-1) / (n * jnp.maximum(n - 1, 1))
        return jnp.sum(apart**2) - spread - state.sampling

    def moved(
        self, generated: Generated, tangents: Float[Array, "curves conditions n"], state: MomentsState
    ) -> tuple[Array, Array]:
        def parts(rates: Array) -> Array:
            return _parts(state, dataclasses.replace(generated, rates=rates), state.feature_map.fraction)

        def along(tangent: Array) -> Array:
            moved = jax.jvp(parts, (generated.rates,), (tangent,))[1]
            return of_realisations(moved @ state.root.T, generated.n_cells)

        return jax.vmap(along, -1, -1)(tangents), generated.realisation_weight

    def deviation(self, state: MomentsState) -> Array:
        return (state.measured - state.measured.mean(axis=0)[None]) @ state.root.T


def landmark_rates(data: Measured, most: int) -> np.ndarray:
    """Every so many of the measured curves in the order of their mean rates, (landmarks, conditions), Hz.

    What was not measured of them is the mean of the other units: a landmark need only be somewhere among the curves.
    """
    rates, observed = np.asarray(data.rates, float), np.asarray(data.observed)
    typical = np.where(observed, rates, 0).sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
    filled = np.where(observed, rates, typical)
    n = min(most, len(filled))
    return filled[np.argsort(filled.mean(axis=1), kind="stable")[(np.arange(n) * len(filled)) // n]]


def inverse_root(covariance: np.ndarray, damping: float) -> np.ndarray:
    """R with R^T R = (C + damping tr C)^-1, of the shape of C."""
    values, vectors = np.linalg.eigh(covariance)
    floor = max(damping * np.trace(covariance), LEAST_VARIANCE)
    return (vectors / np.sqrt(np.maximum(values, 0) + floor)).T


def _parts(state: MomentsState, generated: Generated, fraction: Array) -> Array:
    """The part of every generated curve in the moments, (curves, landmarks): a mean over patterns."""
    through = jax.vmap(smoothed_distances)(state.feature_map.of_generated(generated), state.landmarks)
    return jnp.einsum("p,pck->ck", fraction, through)
