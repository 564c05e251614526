"""Statistics of rates that need no stimulus feature."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tuneful.curves.statistics import Conditions, defined, statistic

ACTIVE_HZ = 5.0  # a cell counts as active in a condition above this rate [Lalazar et al. 2016]


@statistic("rate", label="Firing rate", unit="Hz")
def rate(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, "curves conditions"]:
    """Every measured rate in Hz: the one statistic with a value for each measurement.

    >>> rate(np.array([[1.0, np.nan]]), {})
    array([[ 1., nan]])
    """
    return rates


@statistic("coding_level", label="Coding level (fraction above 5 Hz)")
def coding_level(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, " curves"]:
    """Fraction of the measured conditions in which the rate is above 5 Hz [Lalazar et al. 2016].

    >>> coding_level(np.array([[0.0, 6.0, np.nan]]), {})
    array([0.5])
    """
    n_measured = (~np.isnan(rates)).sum(axis=1)
    return defined(n_measured > 0, (rates > ACTIVE_HZ).sum(axis=1) / np.maximum(n_measured, 1))


@statistic("max_rate", label="Maximum rate", unit="Hz")
def max_rate(rates: Float[np.ndarray, "curves conditions"], conditions: Conditions) -> Float[np.ndarray, " curves"]:
    """The largest measured rate of a curve, max_s r(s), in Hz.

    >>> max_rate(np.array([[0.0, 6.0, np.nan]]), {})
    array([6.])
    """
    highest = np.where(np.isnan(rates), -np.inf, rates).max(axis=1)
    return defined(np.isfinite(highest), highest)
