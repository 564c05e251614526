"""The registry of statistics: numbers that summarise a tuning curve, so that two sets can be compared.

A statistic is a function of rates (curves, conditions), NaN where not measured, and of the conditions, feature
name -> values (conditions,). It returns one value a curve or one a measurement, NaN where it is undefined. Add your
own by decorating one; a dataset then asks for it in `attrs["statistics"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Real

from tuneful.curves.schema import DatasetError, features, rate_unit
from tuneful.errors import suggest

if TYPE_CHECKING:
    import xarray as xr

Conditions = Mapping[str, Real[np.ndarray, " conditions"]]
StatisticFunction = Callable[[Float[np.ndarray, "curves conditions"], Conditions], Float[np.ndarray, "curves ..."]]


@dataclass(frozen=True)
class Statistic:
    """One registered statistic.

    Attributes
    ----------
    name
        By which datasets and results call it.
    label, unit
        What figures call it.
    function
        Computes it.
    needs
        Names of the features without which it cannot be computed.
    """

    name: str
    label: str
    unit: str
    function: StatisticFunction
    needs: tuple[str, ...]


STATISTICS: dict[str, Statistic] = {}
IN_HZ = ("coding_level",)  # that count cells above so many Hz


def statistic(
    name: str, *, label: str, unit: str = "", needs: tuple[str, ...] = ()
) -> Callable[[StatisticFunction], StatisticFunction]:
    """Register the decorated function under a name; the function itself is returned unchanged.

    Parameters
    ----------
    name, label, unit, needs
        As in `Statistic`.

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
    """The statistic of that name.

    Raises
    ------
    DatasetError
        If there is none; the message suggests another.

    >>> lookup("max_rat")
    Traceback (most recent call last):
    tuneful.curves.schema.DatasetError: There is no statistic 'max_rat'. Did you mean 'max_rate'?
    """
    if name not in STATISTICS:
        raise DatasetError(f"There is no statistic '{name}'.{suggest(name, sorted(STATISTICS))}")
    return STATISTICS[name]


def statistics_for(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of the statistics that describe a dataset.

    Those in `attrs["statistics"]` if there (one name or a list), otherwise by its features: the four of
    Lalazar et al. (2016) for positions, in space or in a plane, the four of Arakaki et al. (2017) for stimulus
    sizes, each shown once, four others for sizes at several contrasts (three where these are but two, between which
    there is no half); otherwise those that need no feature. Of responses that are not in Hz, none that counts Hz.

    Raises
    ------
    DatasetError
        If the dataset asks for a statistic that does not exist.

    >>> from tuneful.curves import make_dataset
    >>> statistics_for(make_dataset([[1.0, 2.0]], {"size": [0.5, 4]}))
    ('suppression_index', 'max_rate', 'preferred_size', 'peak_width')
    """
    if "statistics" in dataset.attrs:
        names = np.atleast_1d(dataset.attrs["statistics"]).tolist()
        return tuple(lookup(str(name)).name for name in names)
    return tuple(name for name in _by_features(features(dataset)) if rate_unit(dataset) == "Hz" or name not in IN_HZ)


def _by_features(found: Conditions) -> tuple[str, ...]:
    if {"x", "y"} <= set(found):
        return ("r2", "complexity", "rate", "coding_level")
    if "size" in found and len(np.unique(found["size"])) == len(found["size"]):
        return ("suppression_index", "max_rate", "preferred_size", "peak_width")
    if _are_sizes_at_contrasts(found):
        half = ("half_contrast",) if len(np.unique(found["contrast"])) > 2 else ()
        return ("full_suppression_index", "full_preferred_size", *half, "relative_rate")
    return ("rate", "coding_level", "max_rate", "peak_width")


def _are_sizes_at_contrasts(found: Conditions) -> bool:
    """Whether there is a curve over sizes at the highest of several contrasts."""
    if not {"size", "contrast"} <= set(found):
        return False
    contrasts = np.asarray(found["contrast"])
    sizes = np.asarray(found["size"])[contrasts == contrasts.max()]
    return len(np.unique(contrasts)) > 1 and 1 < len(sizes) == len(np.unique(sizes))


def compute(
    name: str, rates: Float[np.ndarray, "curves conditions"], conditions: Conditions
) -> Float[np.ndarray, "curves ..."]:
    """One statistic of every curve, in float64.

    Parameters
    ----------
    name
        A key of `STATISTICS`.
    rates
        Rates, NaN where not measured.
    conditions
        Feature name -> values, as `tuneful.curves.features` gives them.

    Returns
    -------
    Values (curves,), or (curves, conditions) for a statistic of single measurements such as `rate`; NaN where it is
    undefined.

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


def defined(where: Bool[np.ndarray, ...], values: Float[np.ndarray, ...]) -> Float[np.ndarray, ...]:
    """Values where they are defined, NaN elsewhere.

    >>> defined(np.array([True, False]), np.array([1.0, 2.0]))
    array([ 1., nan])
    """
    return np.where(where, values, np.nan)
