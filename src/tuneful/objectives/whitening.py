"""Whitening of curves, from the data alone, for any pattern of missing conditions."""

from typing import Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from tuneful.objectives.base import Measured


class View(eqx.Module):
    """How curves look through the missing conditions of each measured unit.

    Units with the same missing conditions share a pattern p. A curve seen through it is (r - centre) @ transform[p]:
    a linear map that gives unmeasured conditions no weight. Without whitening it only drops them; with it, it is the
    inverse square root of the covariance of the *measured* conditions, so that rates which vary together count once
    and the shape of a curve counts beside its height.
    """

    pattern: Array  # (units,), int: the pattern of each unit
    transform: Array  # (patterns, conditions, conditions)
    centre: Array  # (conditions,), Hz
    share: Array  # (patterns,): the fraction of units with each pattern

    @classmethod
    def of(cls, data: Measured, whiten: bool, ridge: float) -> Self:
        """Make the views of a set of measured curves.

        **Arguments:** `ridge`: added to every variance, as a fraction of their mean; it bounds how strongly
        directions in which the data hardly vary are magnified.
        """
        rates, observed = np.asarray(data.rates, float), np.asarray(data.observed)
        patterns, pattern = np.unique(observed, axis=0, return_inverse=True)
        pattern = pattern.reshape(-1)
        counts = observed.sum(0)
        centre = rates.sum(0) / np.maximum(counts, 1)
        covariance = _covariance(rates, observed, centre, ridge) if whiten else np.eye(rates.shape[1])
        transform = np.stack([_inverse_root(covariance, seen) for seen in patterns])
        return cls(
            pattern=jnp.asarray(pattern, jnp.int32),
            transform=jnp.asarray(transform, data.rates.dtype),
            centre=jnp.asarray(centre, data.rates.dtype),
            share=jnp.asarray(np.bincount(pattern) / len(pattern), data.rates.dtype),
        )

    def of_units(self, rates: Array, units: Array) -> Array:
        """Look at curve k through the missing conditions of unit `units[k]`: (curves, conditions)."""
        return jnp.einsum("nc,ncd->nd", rates - self.centre, self.transform[self.pattern[units]])

    def of_patterns(self, rates: Array) -> Array:
        """Look at every curve through every pattern: (patterns, curves, conditions)."""
        return jnp.einsum("nc,pcd->pnd", rates - self.centre, self.transform)


def _covariance(rates: np.ndarray, observed: np.ndarray, centre: np.ndarray, ridge: float) -> np.ndarray:
    """Covariance from all pairs of conditions that were measured together, made positive, plus the ridge."""
    deviation = np.where(observed, rates - centre, 0.0)
    together = observed.astype(float).T @ observed.astype(float)
    covariance = deviation.T @ deviation / np.maximum(together - 1, 1)
    floor = max(ridge * np.trace(covariance) / len(covariance), np.finfo(np.float32).tiny)
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * (np.maximum(values, 0) + floor)) @ vectors.T


def _inverse_root(covariance: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root of the block of the seen conditions, zero elsewhere."""
    values, vectors = np.linalg.eigh(covariance[np.ix_(seen, seen)])
    root = np.zeros_like(covariance)
    root[np.ix_(seen, seen)] = (vectors / np.sqrt(values)) @ vectors.T
    return root
