"""Statistics of curves over hand positions x, y, z [Lalazar, Abbott & Vaadia 2016], or x, y in a plane."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from tuneful.curves.statistics import Conditions, defined, statistic

AXES = ("x", "y", "z")
PLANE = ("x", "y")  # without which there are no positions
FLAT = 1e-9  # of the largest extent: positions that differ by less along an axis do not differ along it


@statistic("r2", label="R² of the linear fit to position", needs=PLANE)
def r2(rates: Float[np.ndarray, "curves conditions"], conditions: Conditions) -> Float[np.ndarray, " curves"]:
    """How well a curve is linear in position: R² = 1 - sum (r - fit)^2 / sum (r - mean)^2.

    `fit` is the least-squares fit r ~ a + b x + c y + d z to the measured conditions, without the axes along which
    no position differs, such as z where the hand moves in a plane. Undefined for a constant curve, for no more
    measured conditions than coefficients, and where these do not span the space.
    Source: Lalazar et al. (2016).

    >>> x, y, z = (axis.ravel() for axis in np.meshgrid([-1.0, 1], [-1.0, 1], [-1.0, 1], indexing="ij"))
    >>> r2(np.stack([4 + x + y, 4 + x * y]), {"x": x, "y": y, "z": z}).round(12)
    array([1., 0.])
    """
    axes = [np.asarray(conditions[axis]) for axis in AXES if axis in conditions]
    least = FLAT * max(map(np.ptp, axes))
    design = np.stack([np.ones(rates.shape[1]), *(axis for axis in axes if np.ptp(axis) > least)], axis=1)
    values = np.full(len(rates), np.nan)
    patterns, group = np.unique(~np.isnan(rates), axis=0, return_inverse=True)
    for i, measured in enumerate(patterns):  # units with the same missing conditions share one fit
        if measured.sum() > design.shape[1] > 1 and np.linalg.matrix_rank(design[measured]) == design.shape[1]:
            units = group.ravel() == i
            values[units] = _explained(design[measured], rates[units][:, measured])
    return values


def _explained(design: np.ndarray, rates: np.ndarray) -> np.ndarray:
    basis, _ = np.linalg.qr(design)
    residual = rates - (rates @ basis) @ basis.T
    total = ((rates - rates.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    varies = rates.max(axis=1) > rates.min(axis=1)
    return defined(varies, 1 - (residual**2).sum(axis=1) / np.where(varies, total, 1))


@statistic("complexity", label="Complexity score", needs=PLANE)
def complexity(rates: Float[np.ndarray, "curves conditions"], conditions: Conditions) -> Float[np.ndarray, " curves"]:
    """How rough a curve is: the standard deviation of |u_i - u_j| over pairs of neighbouring positions.

    u is the curve rescaled to [-1, 1]. Only pairs measured at both ends count. Undefined for a constant curve
    and with fewer than two such pairs.
    Source: Lalazar et al. (2016) (54 pairs on the 3 x 3 x 3 lattice).

    >>> x, y, z = (axis.ravel() for axis in np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1], indexing="ij"))
    >>> complexity(np.stack([2.0 + x, (x == 0) + 0.0]), {"x": x, "y": y, "z": z}).round(3)
    array([0.471, 0.943])
    """
    first, second = neighbours(conditions)
    measured = ~np.isnan(rates)
    low = np.where(measured, rates, np.inf).min(axis=1, keepdims=True)
    high = np.where(measured, rates, -np.inf).max(axis=1, keepdims=True)
    varies = (high > low)[:, 0]
    unit = 2 * (rates - np.where(np.isfinite(low), low, 0)) / np.where(varies[:, None], high - low, 1) - 1
    steps = np.abs(unit[:, first] - unit[:, second])
    both = ~np.isnan(steps)
    n_pairs = np.maximum(both.sum(axis=1), 1)
    mean = np.where(both, steps, 0).sum(axis=1) / n_pairs
    variance = np.where(both, (steps - mean[:, None]) ** 2, 0).sum(axis=1) / n_pairs
    return defined(varies & (both.sum(axis=1) >= 2), np.sqrt(variance))


def neighbours(conditions: Conditions) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Pairs of conditions one lattice step apart along exactly one axis.

    The levels of each axis are its distinct values, so any full grid works, evenly spaced or not.

    Parameters
    ----------
    conditions
        The positions `x`, `y`, `z` (or `x`, `y` in a plane), in any unit.

    Returns
    -------
    Indices of the first and of the second condition of every pair.

    >>> first, second = neighbours({"x": np.array([0, 1, 7]), "y": np.zeros(3), "z": np.zeros(3)})
    >>> first, second
    (array([0, 1]), array([1, 2]))
    """
    axes = [np.asarray(conditions[axis], dtype=float) for axis in AXES if axis in conditions]
    levels = np.stack([_level(axis) for axis in axes], axis=1)
    steps = np.abs(levels[:, None, :] - levels[None, :, :]).sum(axis=2)
    first, second = np.nonzero(np.triu(steps == 1))
    return first, second


def _level(positions: np.ndarray) -> np.ndarray:
    # Rounding makes positions that differ by floating-point noise only one level.
    span = np.ptp(positions) or 1.0
    return np.unique(np.round((positions - positions.min()) / span, 9), return_inverse=True)[1].ravel()
