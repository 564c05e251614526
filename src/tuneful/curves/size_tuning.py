"""Statistics of size-tuning curves [Arakaki et al. 2017]; r(b) is the rate at stimulus size b."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tuneful.curves.rates import max_rate
from tuneful.curves.schema import DatasetError
from tuneful.curves.statistics import Conditions, defined, statistic


@statistic("suppression_index", label="Suppression index", needs=("size",))
def suppression_index(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, " curves"]:
    """Surround suppression, 1 - r(max b) / max_b r(b): 0 = none, 1 = silenced by the largest stimulus.

    Undefined for a silent curve and where the largest size is missing.

    >>> suppression_index(np.array([[1.0, 4.0, 1.0], [0.0, 0.0, 0.0]]), {"size": np.array([0.5, 2.0, 6.0])})
    array([0.75,  nan])
    """
    highest, last = max_rate(rates, conditions), rates[:, _by_size(conditions)[-1]]
    fires = highest > 0
    return 1 - defined(fires, last) / np.where(fires, highest, 1)


@statistic("preferred_size", label="Preferred size", needs=("size",))
def preferred_size(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, " curves"]:
    """The size with the largest rate, argmax_b r(b), in the unit of `size`; the smallest of equals.

    Among the measured sizes. Undefined for a silent curve and where the largest size is missing, since a
    curve cut short does not show whether it had reached its peak.

    >>> preferred_size(np.array([[1.0, 4.0, 1.0], [1.0, 4.0, np.nan]]), {"size": np.array([0.5, 2.0, 6.0])})
    array([ 2., nan])
    """
    order = _by_size(conditions)
    curves = rates[:, order]
    peak = np.where(np.isnan(curves), -np.inf, curves).argmax(axis=1)
    known = (max_rate(rates, conditions) > 0) & ~np.isnan(curves[:, -1])
    return defined(known, np.asarray(conditions["size"], dtype=float)[order][peak])


@statistic("peak_width", label="Peak width (effective number of conditions)")
def peak_width(rates: Float[np.ndarray, "curves conditions"], conditions: Conditions) -> Float[np.ndarray, " curves"]:
    """Participation ratio (sum_b (r(b) / sum r)^2)^-1: 1 = responds to one condition, S = to all alike.

    Over the measured conditions, so the same conditions must be missing in curves that are compared
    (`tuneful.curves.seen_through`). Undefined for a silent curve.

    >>> peak_width(np.array([[2.0, 2.0, 0.0], [0.0, 0.0, 0.0]]), {})
    array([ 2., nan])
    """
    total = np.nansum(rates, axis=1)
    fires = total > 0
    shares = rates / np.where(fires, total, 1)[:, None]
    return defined(fires, 1 / np.where(fires, np.nansum(shares**2, axis=1), 1))


def _by_size(conditions: Conditions) -> np.ndarray:
    sizes = np.asarray(conditions["size"])
    if len(np.unique(sizes)) < len(sizes):
        raise DatasetError(
            "Two conditions have the same size, so there is no one size-tuning curve: select a single value "
            "of the other features first, for example dataset.isel(condition=dataset['contrast'] == 1)."
        )
    return np.argsort(sizes)
