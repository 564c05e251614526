"""Statistics of responses to stimuli of several sizes and contrasts; r(b, c) is the rate at size b and contrast c."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from tuneful.curves.size_tuning import preferred_size, suppression_index
from tuneful.curves.statistics import Conditions, defined, statistic


@statistic("full_suppression_index", label="Suppression index, highest contrast", needs=("size", "contrast"))
def full_suppression_index(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, " curves"]:
    """The suppression index of the curve over sizes at the highest contrast (`suppression_index`).

    >>> crossed = {"size": np.array([1.0, 4.0, 1.0, 4.0]), "contrast": np.array([50.0, 50.0, 100.0, 100.0])}
    >>> full_suppression_index(np.array([[9.0, 0.0, 4.0, 1.0]]), crossed)
    array([0.75])
    """
    return suppression_index(*_at_full_contrast(rates, conditions))


@statistic("full_preferred_size", label="Preferred size, highest contrast", needs=("size", "contrast"))
def full_preferred_size(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, " curves"]:
    """The size with the largest rate at the highest contrast (`preferred_size`)."""
    return preferred_size(*_at_full_contrast(rates, conditions))


@statistic("half_contrast", label="Contrast at half maximum", unit="%", needs=("size", "contrast"))
def half_contrast(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, " curves"]:
    """The lowest contrast at which half the rise with contrast is reached, at the preferred size b.

    Half the rise is half-way between r(b, lowest c) and r(b, highest c), b the size preferred at the highest
    contrast; between two contrasts, r is interpolated linearly. Undefined where the rate does not rise, where the
    preferred size is, and where a contrast is missing at that size.

    >>> crossed = {"size": np.array([1.0, 1.0, 1.0, 4.0]), "contrast": np.array([0.0, 50.0, 100.0, 100.0])}
    >>> half_contrast(np.array([[1.0, 2.0, 5.0, 0.0], [3.0, 2.0, 2.0, 0.0]]), crossed)
    array([66.66666667,         nan])
    """
    sizes, contrasts = (np.asarray(conditions[name], float) for name in ("size", "contrast"))
    at_size = np.full(len(rates), np.nan)
    preferred = full_preferred_size(rates, conditions)
    for size in np.unique(sizes):
        column = np.flatnonzero(sizes == size)
        column = column[np.argsort(contrasts[column], kind="stable")]
        cells = preferred == size
        at_size[cells] = _crossing(rates[cells][:, column], contrasts[column])
    return at_size


@statistic("relative_rate", label="Rate relative to the cell's mean")
def relative_rate(
    rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, "curves conditions"]:
    """Rates over the mean of a curve's measured rates, which leaves out how strongly a cell fires.

    Undefined for a curve whose mean is not positive.

    >>> relative_rate(np.array([[1.0, 3.0], [0.0, 0.0]]), {})
    array([[0.5, 1.5],
           [nan, nan]])
    """
    measured = ~np.isnan(rates)
    mean = np.nansum(rates, axis=1) / np.maximum(measured.sum(axis=1), 1)
    fires = mean > 0
    return defined(fires[:, None] & measured, rates / np.where(fires, mean, 1)[:, None])


def _at_full_contrast(rates: np.ndarray, conditions: Conditions) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    contrasts = np.asarray(conditions["contrast"])
    full = contrasts == contrasts.max()
    return rates[:, full], {"size": np.asarray(conditions["size"])[full]}


def _crossing(rates: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    """Where curves over ascending contrasts first reach half their rise, (curves,)."""
    half = (rates[:, 0] + rates[:, -1]) / 2
    rises: Bool[np.ndarray, " curves"] = (rates[:, -1] > rates[:, 0]) & ~np.isnan(rates).any(axis=1)
    after = np.argmax(rates >= half[:, None], axis=1)
    before = np.maximum(after - 1, 0)
    row = np.arange(len(rates))
    low, high = rates[row, before], rates[row, after]
    part = (half - low) / np.where(rises & (high > low), high - low, 1)
    return defined(rises, contrasts[before] + part * (contrasts[after] - contrasts[before]))
