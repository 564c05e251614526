"""The registry of statistics: numbers that summarise a tuning curve, so that two sets can be compared.

A statistic is a function of rates (n, S) in Hz (NaN = not measured) and of the conditions (feature name ->
values (S,)); it returns one value a curve, (n,), or one a measurement, (n, S), with NaN = undefined. Add your
own by decorating one; a dataset then asks for it in ``attrs["statistics"]``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import xarray as xr

from tuneful.curves.schema import DatasetError, features

Conditions = Mapping[str, np.ndarray]
StatisticFunction = Callable[[np.ndarray, Conditions], np.ndarray]


@dataclass(frozen=True)
class Statistic:
    """One registered statistic: its name, label and unit for figures, function, and the features it needs."""

    name: str
    label: str
    unit: str
    function: StatisticFunction
    needs: tuple[str, ...]


STATISTICS: dict[str, Statistic] = {}


def statistic(
    name: str, *, label: str, unit: str = "", needs: tuple[str, ...] = ()
) -> Callable[[StatisticFunction], StatisticFunction]:
    """Register the decorated function under ``name``; the function itself is returned unchanged.

    Raises
    ------
    DatasetError
        If another module has registered that name (running a notebook cell again is fine).

    >>> @statistic("range", label="Range of rates", unit="Hz")
    ... def rate_range(rates, conditions):
    ...     return np.nanmax(rates, axis=1) - np.nanmin(rates, axis=1)
    >>> compute("range", np.array([[1.0, 4.0]]), {})
    array([3.])
    >>> del STATISTICS["range"]
    """

    def register(function: StatisticFunction) -> StatisticFunction:
        known = STATISTICS.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise DatasetError(
                f"A statistic '{name}' already exists in {known.function.__module__}: choose another name."
            )
        STATISTICS[name] = Statistic(name, label, unit, function, tuple(needs))
        return function

    return register


def lookup(name: str) -> Statistic:
    """The statistic of that name; a `DatasetError` naming close matches if there is none."""
    if name not in STATISTICS:
        close = get_close_matches(name, STATISTICS, n=3) or sorted(STATISTICS)
        raise DatasetError(f"There is no statistic '{name}': did you mean {' or '.join(close)}?")
    return STATISTICS[name]


def statistics_for(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of the statistics that describe a dataset.

    Those in ``attrs["statistics"]`` if there (one name or a list), otherwise by its features: the four
    of Lalazar et al. (2016) for 3D positions, the four of Arakaki et al. (2017) for stimulus sizes, each
    shown once; otherwise those that need no feature.

    >>> from tuneful.curves import make_dataset
    >>> statistics_for(make_dataset([[1.0, 2.0]], {"size": [0.5, 4]}))
    ('suppression_index', 'max_rate', 'preferred_size', 'peak_width')
    """
    if "statistics" in dataset.attrs:
        names = np.atleast_1d(dataset.attrs["statistics"]).tolist()
        return tuple(lookup(str(name)).name for name in names)
    found = features(dataset)
    if {"x", "y", "z"} <= set(found):
        return ("r2", "complexity", "rate", "coding_level")
    if "size" in found and len(np.unique(found["size"])) == len(found["size"]):
        return ("suppression_index", "max_rate", "preferred_size", "peak_width")
    return ("rate", "coding_level", "max_rate", "peak_width")


def compute(name: str, rates: np.ndarray, conditions: Conditions) -> np.ndarray:
    """One statistic of every curve, in float64.

    Parameters
    ----------
    name
        A key of `STATISTICS`.
    rates
        Rates in Hz, shape (n, S), NaN where not measured.
    conditions
        Feature name -> values (S,), as `tuneful.curves.features` gives them.

    Returns
    -------
    Values (n,), or (n, S) for a statistic of single measurements such as ``rate``; NaN = undefined.

    Raises
    ------
    DatasetError
        If the name is unknown, a feature that it needs is missing, or shapes do not match.

    >>> compute("coding_level", np.array([[0.0, 6.0], [7.0, np.nan]]), {"size": np.array([0.5, 4.0])})
    array([0.5, 1. ])
    """
    chosen = lookup(name)
    rates = np.asarray(rates, dtype=np.float64)
    if rates.ndim != 2:
        raise DatasetError(f"Rates have shape {rates.shape} where (curves, conditions) is needed.")
    for feature in chosen.needs:
        if feature not in conditions:
            raise DatasetError(
                f"Statistic '{name}' needs the feature '{feature}' (found: {', '.join(conditions) or 'none'}"
                "): add it to the conditions, or choose other statistics."
            )
        if np.shape(conditions[feature]) != rates.shape[1:]:
            raise DatasetError(
                f"Feature '{feature}' has shape {np.shape(conditions[feature])} and the rates {rates.shape}."
            )
    values = np.asarray(chosen.function(rates, conditions), dtype=np.float64)
    if values.shape not in (rates.shape[:1], rates.shape):
        raise DatasetError(f"Statistic '{name}' returned shape {values.shape} for rates of shape {rates.shape}.")
    return values


def defined(where: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``values`` where they are defined, NaN elsewhere."""
    return np.where(where, values, np.nan)
