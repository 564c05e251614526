"""How curves are looked at before they are compared: whitened, as shapes, through missing conditions."""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from tuneful.objectives.base import Measured

FAINTEST = 0.05  # Hz^2: modulation below which a curve counts as flat rather than as a shape


class View(eqx.Module):
    """How curves look through the missing conditions of each measured unit.

    Units with the same missing conditions share a pattern p. A curve seen through it is (r - centre) @ transform[p]:
    a linear map that gives unmeasured conditions no weight. Without whitening it only drops them; with it, it is the
    inverse square root of the covariance of the *measured* conditions, so that rates which vary together count once
    and the shape of a curve counts beside its height.

    As `shapes`, a curve is its deviation from its own mean in units of its own standard deviation, whitened or not,
    followed by the square roots of its rates, whose noise is alike at all rates [Anscombe 1948]. Every unit then
    weighs the same; in plain rates a few strongly firing ones decide.

    With `log_above` = c, rates are seen as log(1 + r / c) before all else: in proportion above c, as differences
    below it. Statistics that are ratios of rates, such as surround suppression, are decided by the small ones.
    """

    pattern: Array  # (units,), int: the pattern of each unit
    seen: Array  # (patterns, conditions): 1 where measured, else 0
    transform: Array  # (patterns, conditions, conditions)
    centre: Array  # (conditions,)
    share: Array  # (patterns,): the fraction of units with each pattern
    shapes: bool = eqx.field(static=True)
    log_above: float | None = eqx.field(static=True)

    @classmethod
    def of(
        cls, data: Measured, whiten: bool, ridge: float, shapes: bool = False, log_above: float | None = None
    ) -> Self:
        """Make the views of a set of measured curves.

        **Arguments:** `ridge`: added to every variance, as a fraction of their mean; it bounds how strongly
        directions in which the data hardly vary are magnified.
        """
        if not ridge >= 0:
            raise ValueError(f"ridge must not be negative, and is {ridge}.")
        if log_above is not None and not log_above > 0:
            raise ValueError(f"log_above must be positive (Hz), or none, and is {log_above}.")
        observed = np.asarray(data.observed)
        rates = compressed(data.rates, log_above)
        curves = np.asarray(shape_of(rates, data.observed) if shapes else rates, float)
        patterns, pattern = np.unique(observed, axis=0, return_inverse=True)
        pattern = pattern.reshape(-1)
        centre, covariance = gaussian_moments(curves, patterns, pattern)
        floor = max(ridge * np.trace(covariance) / len(covariance), np.finfo(np.float32).tiny)
        covariance = covariance + floor * np.eye(len(covariance)) if whiten else np.eye(len(covariance))
        dtype = data.rates.dtype
        return cls(
            pattern=jnp.asarray(pattern, jnp.int32),
            seen=jnp.asarray(patterns, dtype),
            transform=jnp.asarray(np.stack([_inverse_root(covariance, seen) for seen in patterns]), dtype),
            centre=jnp.asarray(centre, dtype),
            share=jnp.asarray(np.bincount(pattern) / len(pattern), dtype),
            shapes=shapes,
            log_above=log_above,
        )

    def of_units(self, rates: Array, units: Array) -> Array:
        """Look at curve k through the missing conditions of unit `units[k]`: (curves, features)."""
        patterns = self.pattern[units]
        return jax.vmap(self._through)(rates, self.seen[patterns], self.transform[patterns])

    def of_patterns(self, rates: Array) -> Array:
        """Look at every curve through every pattern: (patterns, curves, features)."""
        return jax.vmap(self._through, (None, 0, 0))(rates, self.seen, self.transform)

    def _through(self, rates: Array, seen: Array, transform: Array) -> Array:
        rates = compressed(rates, self.log_above)
        if not self.shapes:
            return (rates - self.centre) @ transform
        shape = (shape_of(rates, seen) - self.centre) @ transform
        return jnp.concatenate([shape, jnp.sqrt(rates + 3 / 8) * seen], axis=-1)


def compressed(rates: Array, log_above: float | None) -> Array:
    """Rates, or log(1 + rates / log_above) if there is such a rate."""
    return rates if log_above is None else jnp.log1p(rates / log_above)


def shape_of(rates: Array, seen: Array) -> Array:
    """Deviation from a curve's own mean over its own standard deviation, in its measured conditions."""
    weight = seen / jnp.sum(seen, axis=-1, keepdims=True)
    deviation = (rates - jnp.sum(weight * rates, axis=-1, keepdims=True)) * seen
    return deviation / jnp.sqrt(jnp.sum(weight * deviation**2, axis=-1, keepdims=True) + FAINTEST)


def gaussian_moments(
    rates: np.ndarray, patterns: np.ndarray, pattern: np.ndarray, tolerance: float = 1e-6, max_rounds: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the Gaussian of highest likelihood, given the measured entries only.

    Expectation maximisation [Dempster, Laird & Rubin 1977]. Covariances of all pairs measured together would be
    simpler, but are not a covariance matrix: where conditions vary together, as those of a tuning curve do, their
    inconsistency is as large as the small eigenvalues that whitening magnifies. Complete data need one round.

    **Arguments:** `rates` (units, conditions); `patterns` (patterns, conditions), True where measured; `pattern`
    (units,), which of them each unit has.
    """
    counts = np.maximum(patterns[pattern].sum(0), 1)
    mean = np.where(patterns[pattern], rates, 0).sum(0) / counts
    covariance = np.diag(np.where(patterns[pattern], (rates - mean) ** 2, 0).sum(0) / counts)
    for _ in range(max_rounds):
        expected, spread = _expectation(rates, patterns, pattern, mean, covariance)
        before, mean = covariance, expected.mean(0)
        covariance = ((expected - mean).T @ (expected - mean) + spread) / len(rates)
        if np.abs(covariance - before).max() <= tolerance * np.trace(covariance) / len(covariance):
            break
    return mean, covariance


def _expectation(
    rates: np.ndarray, patterns: np.ndarray, pattern: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expected entries where nothing was measured, and the sum over units of their conditional covariance."""
    expected, spread = rates.copy(), np.zeros_like(covariance)
    for number, seen in enumerate(patterns):
        rows = np.flatnonzero(pattern == number)
        gain = np.linalg.pinv(covariance[np.ix_(seen, seen)], hermitian=True) @ covariance[np.ix_(seen, ~seen)]
        expected[np.ix_(rows, ~seen)] = mean[~seen] + (rates[np.ix_(rows, seen)] - mean[seen]) @ gain
        left = covariance[np.ix_(~seen, ~seen)] - covariance[np.ix_(~seen, seen)] @ gain
        spread[np.ix_(~seen, ~seen)] += len(rows) * left
    return expected, spread


def _inverse_root(covariance: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root of the block of the seen conditions, zero elsewhere."""
    values, vectors = np.linalg.eigh(covariance[np.ix_(seen, seen)])
    root = np.zeros_like(covariance)
    root[np.ix_(seen, seen)] = (vectors / np.sqrt(values)) @ vectors.T
    return root
