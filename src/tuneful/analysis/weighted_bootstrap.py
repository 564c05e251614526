"""Weighted bootstrap: the minimum of the loss for units that weigh more or less at random."""

import dataclasses

import jax
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
class Replicates:
    """What a number of replicates draw.

    cluster_weights
        Exponential, one a cluster, of mean one [Rubin 1981; Newton & Raftery 1994].
    tilt
        What another sample of realisations would add to the gradient, normal with its covariance.
    loose
        Where directions are that the sample does not resolve, standard normal.
    """

    cluster_weights: Float[np.ndarray, "replicates clusters"]
    tilt: Float[np.ndarray, "replicates n"]
    loose: Float[np.ndarray, "replicates n"]

    @classmethod
    def drawn(cls, minimum: Minimum, key: Array, count: int, first: int = 0) -> "Replicates":
        """Draw so many; the same key and number of the first give the same ones."""
        rng = np.random.default_rng([*np.asarray(jax.random.key_data(key)).tolist(), first])
        weights = rng.exponential(size=(count, len(minimum.scores)))
        values, axes = np.linalg.eigh(minimum.around.noise)
        tilt = rng.normal(size=(count, len(minimum.point))) * np.sqrt(np.maximum(values, 0)) @ axes.T
        return cls(weights / weights.mean(axis=1, keepdims=True), tilt, rng.normal(size=tilt.shape))


def one_step(minimum: Minimum, drawn: Replicates) -> Float[np.ndarray, "replicates n"]:
    """Take one Newton step from the minimum for each replicate, eta - H^-1 (sum_c (w_c - 1) s_c + tilt).

    The minimum for these weights to first order: good where intervals are short. Along directions that the sample
    does not resolve the step is drawn as the sandwich has it, of one unit.
    """
    spread, left_open = resolved_inverse(minimum.curvature)
    moved = (drawn.cluster_weights - 1) @ minimum.scaled_scores + drawn.tilt
    return minimum.point - moved @ spread + HARDLY * drawn.loose @ left_open @ left_open.T


def refitted(
    local: LocalProblem, minimum: Minimum, clusters: Int[np.ndarray, " units"], drawn: Replicates, looks: int
) -> Float[np.ndarray, " n"]:
    """Minimise the loss for the weights of the one replicate that was drawn, from where one Newton step leads.

    Gauss-Newton steps as in a refinement, with the same random numbers and so many looks at the loss at most; the
    last step is not looked at.
    """
    (begin,), (cluster_weights,), (tilt,) = one_step(minimum, drawn), drawn.cluster_weights, drawn.tilt
    weights = cluster_weights[clusters]
    candidate = Candidate.at(minimum.point + _shortened(begin - minimum.point))
    for _ in range(looks):
        found, record = local.look(candidate.trial, weights)
        candidate = candidate.after(_tilted(found, tilt, candidate.trial - minimum.point), bool(record.taken))
        if candidate.is_stuck or (candidate.is_known and not candidate.promises(PROMISE)):
            break
        if not candidate.is_known:
            candidate = candidate.drawn_towards(minimum.point)
    return candidate.trial


def _tilted(found: Linearised, tilt: np.ndarray, apart: np.ndarray) -> Linearised:
    """The loss with a slope added to it."""
    return dataclasses.replace(found, loss=found.loss + tilt @ apart, gradient=found.gradient + tilt)


def _shortened(step: np.ndarray, longest: float = 1.0) -> np.ndarray:
    return step * min(1.0, longest / max(float(np.linalg.norm(step)), np.finfo(float).tiny))
