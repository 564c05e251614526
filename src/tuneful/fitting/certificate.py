"""Whether the distance itself, and not one sample of it only, has no slope at the answer of a fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import chdtrc  # scipy.stats would be a third of what `tuneful fit` imports

from tuneful.fitting.linearised import Linearised
from tuneful.fitting.trust_region import inverse, newton_step, spectrum
from tuneful.fitting.uncertainty import resolved_inverse, sandwich

LEVEL = 0.01  # of the test


@dataclass(frozen=True, eq=False)
class Certificate:
    r"""What fresh random numbers say of an answer that was found with others.

    At the minimum of one sample, the gradient g of another of equal size has mean zero and the covariance 2 S, S that
    between samples: g^T (2 S)^-1 g is chi-square distributed, with as many degrees of freedom as parameters.
    Curvature is not tested: the metric is positive by construction.

    loss, fitted_loss
        Of the fresh sample, and of that which was fitted.
    gradient
        g, (n,).
    noise
        2 S, (n, n).
    metric
        The curvature, (n, n).
    covariance
        Of the unconstrained parameters, from the sampling of the measured units and of the fitted sample, (n, n); NaN
        where the objective does not know it.
    left_open
        Directions in which the curvature is not resolved, (n, k): in the covariance they count as known to one unit.
    arrived, starts
        How many of all starts ended in this place, as far as they were followed.
    """

    loss: float
    fitted_loss: float
    gradient: np.ndarray
    noise: np.ndarray
    metric: np.ndarray
    covariance: np.ndarray
    left_open: np.ndarray
    arrived: int = 1
    starts: int = 1

    @classmethod
    def of(cls, fitted: Linearised, fresh: Linearised, arrived: int = 1, starts: int = 1) -> Self:
        """Compare the two samples at the answer."""
        noise, metric = fitted.noise + fresh.noise, (fitted.metric + fresh.metric) / 2
        curvature, of_data = fresh.sampling  # of all realisations, and unseen by the fit
        is_known = np.isfinite(curvature).all() and np.isfinite(of_data).all()
        covariance, left_open = np.full(noise.shape, np.nan), np.zeros((len(noise), 0))
        if is_known:
            covariance, left_open = sandwich(curvature, of_data + fitted.noise), resolved_inverse(curvature)[1]
        losses = float(fresh.loss), float(fitted.loss)
        return cls(*losses, np.asarray(fresh.gradient), noise, metric, covariance, left_open, arrived, starts)

    @property
    def statistic(self) -> float:
        """g^T (2 S)^-1 g."""
        return squared_length(self.gradient, self.noise)

    @property
    def p_value(self) -> float:
        """Of gradients as large as this at a minimum."""
        return float(chdtrc(len(self.gradient), self.statistic))

    @property
    def is_empty(self) -> bool:
        """Whether nothing that is compared depends on any parameter, and a slope of zero says nothing."""
        return not np.any(self.metric)

    @property
    def holds(self) -> bool:
        """Whether the gradient is no larger than its sampling error lets expect."""
        return not self.is_empty and self.p_value > LEVEL

    @property
    def sliding(self) -> np.ndarray:
        """The direction along which the gradient stands out most from its sampling error, downhill, (n,)."""
        _, axes = spectrum(self.metric)
        along = axes.T @ self.gradient
        error = np.sqrt(np.einsum("ka,kl,la->a", axes, self.noise, axes))
        worst = int(np.argmax(np.abs(along) / np.maximum(error, np.finfo(float).tiny)))
        return -np.sign(along[worst]) * axes[:, worst]

    def table(self, names: Sequence[str]) -> dict[str, Any]:
        """This certificate as plain numbers; `names` are those of the parameters, (n,)."""
        return {
            "holds": self.holds, "chi_square": self.statistic, "directions": len(self.gradient),
            "p_value": self.p_value, "loss": self.loss, "fitted_loss": self.fitted_loss,
            "starts": self.starts, "arrived": self.arrived,
            "sliding": None if self.holds or self.is_empty else named_direction(self.sliding, names),
            "newton_step": dict(zip(names, newton_step(self.gradient, self.metric).tolist(), strict=True)),
        }  # fmt: skip


def squared_length(gradient: np.ndarray, noise: np.ndarray) -> float:
    """g^T S^-1 g of a gradient, (n,), whose sampling error has the covariance S, (n, n)."""
    return float(gradient @ inverse(noise) @ gradient)


def named_direction(direction: np.ndarray, names: Sequence[str], share: float = 0.3) -> str:
    """A direction in unconstrained parameters in words: those that take the largest part in it, and which way.

    >>> named_direction(np.array([0.8, -0.6, 0.0]), ["J EE", "J EI", "J IE"])
    'J EE up, J EI down'
    """
    largest = np.abs(direction).max()
    parts = [i for i in np.argsort(-np.abs(direction)) if abs(direction[i]) > share * largest]
    return ", ".join(f"{names[i]} {'up' if direction[i] > 0 else 'down'}" for i in parts)
