"""Plain numbers that say what a dataset holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tuneful.curves.schema import features, rate_unit, unit_properties
from tuneful.curves.statistics import statistics_for

if TYPE_CHECKING:
    import xarray as xr


def describe(dataset: xr.Dataset) -> dict[str, Any]:
    """What a validated dataset holds, in numbers, strings, lists and dicts only (ready for JSON).

    Returns
    -------
    n_units, n_conditions, n_complete
        Numbers of units, of conditions, and of units measured in every condition.
    missing_fraction
        Share of the entries that are NaN.
    rate_range, rate_unit
        [min, max], and the unit they are in.
    n_silent, n_constant
        Numbers of units whose measured rates are all zero, and all equal (silent units included).
    features
        {name: {values, min, max, unit}}.
    units
        {property: number of distinct values}.
    labels
        {property: {value: number of units}} of those in words, such as types of cells, with several units a value.
    optional
        Which other tables are there.
    statistics
        Names of those that apply.
    missing_patterns
        [{n_units, n_missing, missing}], most frequent first; `missing` has the indices of the conditions.

    >>> from tuneful.curves import make_dataset
    >>> found = describe(make_dataset([[0.0, 0.0], [2.0, float("nan")]], {"size": [0.5, 4]}))
    >>> found["n_silent"], found["missing_fraction"], found["missing_patterns"][1]
    (1, 0.25, {'n_units': 1, 'n_missing': 1, 'missing': [1]})
    """
    rates = dataset["rate"].values
    missing = np.isnan(rates)
    highest, lowest = np.nanmax(rates, axis=1), np.nanmin(rates, axis=1)
    return {
        "n_units": len(rates),
        "n_conditions": rates.shape[1],
        "n_complete": int((~missing.any(axis=1)).sum()),
        "missing_fraction": float(missing.mean()),
        "rate_range": [float(lowest.min()), float(highest.max())],
        "rate_unit": rate_unit(dataset),
        "n_silent": int((highest == 0).sum()),
        "n_constant": int((highest == lowest).sum()),
        "features": {name: _feature(dataset, name) for name in features(dataset)},
        "units": {name: len(np.unique(values)) for name, values in unit_properties(dataset).items()},
        "labels": {name: counts for name, values in unit_properties(dataset).items() if (counts := _counts(values))},
        "optional": [name for name in ("rate_var", "n_trials") if name in dataset],
        "statistics": list(statistics_for(dataset)),
        "missing_patterns": _missing_patterns(missing),
    }


def named_conditions(conditions: Mapping[str, np.ndarray], n: int) -> list[str]:
    """What n conditions are called: by the features in which they differ, or by all where they do not.

    >>> named_conditions({"size": np.array([0.5, 1.0]), "contrast": np.array([1.0, 1.0])}, 2)
    ['size = 0.5', 'size = 1']
    >>> named_conditions({}, 1)
    ['condition 0']
    """
    if not conditions:
        return [f"condition {i}" for i in range(n)]
    telling = [name for name, values in conditions.items() if len(np.unique(values)) > 1] or list(conditions)
    return [", ".join(f"{name} = {_text(conditions[name][i])}" for name in telling) for i in range(n)]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int | np.number) else str(value)


def _feature(dataset: xr.Dataset, name: str) -> dict[str, Any]:
    values = np.unique(dataset[name].values)
    unit = str(dataset[name].attrs.get("units", ""))
    return {"values": values.tolist(), "min": float(values[0]), "max": float(values[-1]), "unit": unit}


def _counts(values: np.ndarray) -> dict[str, int]:
    """How many units have each value; nothing for numbers, and where most values are of one unit only."""
    found, counts = np.unique(values, return_counts=True)
    if values.dtype.kind not in "UO" or 2 * len(found) > len(values):
        return {}
    return {str(name) or "none": int(n) for name, n in zip(found, counts, strict=True)}


def _missing_patterns(missing: np.ndarray) -> list[dict[str, Any]]:
    patterns, counts = np.unique(missing, axis=0, return_counts=True)
    return [
        {
            "n_units": int(counts[i]),
            "n_missing": int(patterns[i].sum()),
            "missing": np.flatnonzero(patterns[i]).tolist(),
        }
        for i in np.argsort(-counts, kind="stable")
    ]
