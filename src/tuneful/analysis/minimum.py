"""What is known of a loss at its minimum, and what follows to first order: the covariance of where it is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from tuneful.fitting.linearised import Linearised
from tuneful.fitting.trust_region import inverse
from tuneful.fitting.uncertainty import RESOLVED, resolved_inverse, sandwich


@dataclass(frozen=True, eq=False)
class Minimum:
    r"""The minimum of a loss in n unconstrained parameters, from C independent clusters of units and one sample.

    The covariance is the sandwich of M-estimators [van der Vaart 1998, ch. 5]: with s_c what a cluster does to the
    gradient (`linearise_by_unit`, summed over its units),

        V = H^-1 (C / (C - 1) sum_c s_c s_c^T + S) H^-1,

    S that of the gradient between samples of realisations. It is valid where the model is wrong.

    point
        Where it is.
    around
        The loss there; S is its ``noise``.
    curvature
        H.
    scores
        s, about their mean.
    """

    point: Float[np.ndarray, " n"]
    around: Linearised
    curvature: Float[np.ndarray, "n n"]
    scores: Float[np.ndarray, "clusters n"]

    @property
    def scaled_scores(self) -> Float[np.ndarray, "clusters n"]:
        """Scores, so that the sum of their squares is without bias."""
        return self.scores * np.sqrt(len(self.scores) / (len(self.scores) - 1))

    @cached_property
    def of_data(self) -> Float[np.ndarray, "n n"]:
        """Covariance of the gradient between sets of as many clusters."""
        return self.scaled_scores.T @ self.scaled_scores

    @cached_property
    def covariance(self) -> Float[np.ndarray, "n n"]:
        """V; directions in which the curvature is not resolved count as known to one unit (`sandwich`)."""
        return sandwich(self.curvature, self.of_data + self.around.noise)

    @property
    def left_open(self) -> Float[np.ndarray, "n k"]:
        """Directions in which the curvature is not resolved."""
        return resolved_inverse(self.curvature)[1]

    @cached_property
    def robust_spread(self) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
        """H^-1, and V with it; where the curvature is not resolved in some direction, the metric stands for it."""
        values = np.linalg.eigvalsh(self.curvature)
        is_resolved = values[0] > RESOLVED * max(-values[0], 0) and values[0] > 0
        spread = inverse(self.curvature if is_resolved else self.around.metric)
        return spread, spread @ (self.of_data + self.around.noise) @ spread

    @property
    def simulation_share(self) -> float:
        """Largest share of a variance that comes from the finite sample of realisations."""
        spread, _ = resolved_inverse(self.curvature)
        simulated, data = (np.diag(spread @ noise @ spread) for noise in (self.around.noise, self.of_data))
        whole = simulated + data
        return float(np.max(np.divide(simulated, whole, out=np.zeros_like(whole), where=whole > 0)))


def correlation(covariance: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """Correlation matrix of a covariance; 0 beside what does not vary.

    >>> correlation(np.array([[4.0, 1.0], [1.0, 1.0]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    deviation = np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
    return covariance / deviation[:, None] / deviation[None]
