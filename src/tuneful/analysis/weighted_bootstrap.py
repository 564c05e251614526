"""Weighted bootstrap: the minimum of the loss for units that weigh more or less at random."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from tuneful.analysis.local_problem import LocalProblem
from tuneful.analysis.minimum import Minimum
from tuneful.fitting.candidates import Candidate
from tuneful.fitting.linearised import Linearised
from tuneful.fitting.uncertainty import HARDLY, resolved_inverse

PROMISE = 0.1  # share of the feigned gain below which a replicate is at its minimum


@dataclasses.dataclass(frozen=True, eq=False)
class Replicate:
    """What one replicate draws.

    cluster_weights
        Exponential, one a cluster, of mean one [Rubin 1981; Newton & Raftery 1994].
    tilt
        What another sample of realisations would add to the gradient, normal with its covariance.
    loose
        Where directions are that the sample does not resolve, standard normal.
    """

    cluster_weights: Float[np.ndarray, " clusters"]
    tilt: Float[np.ndarray, " n"]
    loose: Float[np.ndarray, " n"]

    @classmethod
    def drawn(cls, minimum: Minimum, key: Array) -> "Replicate":
        """Draw one; the same key gives the same one."""
        seed = np.asarray(jax.random.key_data(key)).tolist()
        rng = np.random.default_rng(seed)
        weights = rng.exponential(size=len(minimum.scores))
        n = len(minimum.point)
        values, axes = np.linalg.eigh(minimum.around.noise)
        tilt = axes @ (np.sqrt(np.maximum(values, 0)) * rng.normal(size=n))
        return cls(weights / weights.mean(), tilt, rng.normal(size=n))


def one_step(minimum: Minimum, replicate: Replicate) -> Float[np.ndarray, " n"]:
    """Take one Newton step from the minimum, eta - H^-1 (sum_c (w_c - 1) s_c + tilt).

    The minimum for these weights to first order: good where intervals are short. Along directions that the sample
    does not resolve the step is drawn as the sandwich has it, of one unit.
    """
    spread, left_open = resolved_inverse(minimum.curvature)
    moved = (replicate.cluster_weights - 1) @ minimum.scaled_scores + replicate.tilt
    return minimum.point - spread @ moved + HARDLY * left_open @ (left_open.T @ replicate.loose)


def refitted(
    local: LocalProblem, minimum: Minimum, clusters: Int[np.ndarray, " units"], replicate: Replicate, looks: int
) -> Float[np.ndarray, " n"]:
    """Minimise the loss for these weights, with the same random numbers, from where one Newton step leads.

    Gauss-Newton steps as in a refinement, with so many looks at the loss at most; the last step is not looked at.
    """
    begin, weights = one_step(minimum, replicate), replicate.cluster_weights[clusters]
    candidate = Candidate.at(minimum.point + _shortened(begin - minimum.point))
    for _ in range(looks):
        found, record = local.look(candidate.trial, weights)
        candidate = candidate.after(
            _tilted(found, replicate.tilt, candidate.trial - minimum.point), bool(record.taken)
        )
        if candidate.is_stuck or (candidate.is_known and not candidate.promises(PROMISE)):
            break
        if not candidate.is_known:
            candidate = candidate.drawn_towards(minimum.point)
    return candidate.trial


def draws_of_one_step(minimum: Minimum, replicates: int, key: Array) -> Float[np.ndarray, "replicates n"]:
    """Draw so many minima by one Newton step each."""
    numbers = [jax.random.fold_in(key, jnp.uint32(i)) for i in range(replicates)]
    return np.stack([one_step(minimum, Replicate.drawn(minimum, number)) for number in numbers])


def _tilted(found: Linearised, tilt: np.ndarray, apart: np.ndarray) -> Linearised:
    """The loss with a slope added to it."""
    return dataclasses.replace(found, loss=found.loss + tilt @ apart, gradient=found.gradient + tilt)


def _shortened(step: np.ndarray, longest: float = 1.0) -> np.ndarray:
    return step * min(1.0, longest / max(float(np.linalg.norm(step)), np.finfo(float).tiny))
