"""Check that a dataset is a usable set of tuning curves, and bring it to one canonical form."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Shaped

from tuneful.curves.schema import (
    DIMS,
    ENTRY_UNITS,
    DatasetError,
    condition_name,
    features,
    rate_unit,
    unit_name,
    unit_properties,
)

if TYPE_CHECKING:
    import xarray as xr

ROUNDING = 2**-44  # 256 units in the last place: what a few hundred operations on doubles may be off
Column = tuple[tuple[Any, ...], np.ndarray, dict[Any, Any]]  # dims, values and attributes, as xarray takes them


def validate(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset in canonical form, or say what is wrong with it.

    Canonical: entries are float64 on dims (unit, condition) in that order, features are float64, labels and
    text are numpy strings, units are named in `attrs["units"]`, and `attrs["statistics"]`, if there, is a
    list of names. A MultiIndex on `condition` (from `stack`) becomes plain features. The argument is not
    changed.

    Raises
    ------
    DatasetError
        One sentence naming the offending entry, for: no `rate`, wrong dims, an empty table, entries that
        are not numbers, infinite rates, negative ones in Hz, an unknown unit of rates, a unit or a condition that was
        never measured, duplicate labels or conditions, negative `rate_var`, `n_trials` below 1, features that are not
        finite.

    >>> import xarray as xr
    >>> rate = xr.DataArray([[1.0, -2.0]], dims=("unit", "condition"), coords={"unit": ["a"]})
    >>> validate(xr.Dataset({"rate": rate}, coords={"size": ("condition", [0.5, 4])}))
    Traceback (most recent call last):
    tuneful.errors.DatasetError: The rate of unit 'a' in condition 1 (size=4.0) is -2 Hz, and a \
rate cannot be negative: give rates before any baseline is subtracted, NaN where it was not measured, or the unit of \
what is no rate (rate_unit, events or a.u.).
    """
    _check_layout(dataset)
    _check_names(dataset)
    dataset = _canonical(dataset)
    _check_labels(dataset)
    _check_features(dataset)
    _check_rates(dataset)
    _check_optional(dataset)
    return dataset


def _check_layout(dataset: xr.Dataset) -> None:
    import xarray as xr  # here and not above: it loads pandas, which an import of the package does not need

    if not isinstance(dataset, xr.Dataset):
        raise DatasetError(f"Expected an xarray.Dataset, got {type(dataset).__name__}: make one with tuneful.load.")
    if "rate" not in dataset:
        found = ", ".join(map(str, dataset.data_vars)) or "no variables"
        raise DatasetError(f"The dataset has no variable 'rate' (found: {found}): rename yours to 'rate'.")
    for name in ENTRY_UNITS:
        if name in dataset and set(dataset[name].dims) != set(DIMS):
            raise DatasetError(
                f"'{name}' has dims {tuple(map(str, dataset[name].dims))} where {DIMS} are needed: "
                "rename or stack them."
            )
    for dim in DIMS:
        if dataset.sizes[dim] == 0:
            raise DatasetError(f"The dataset is empty: it has no {dim}s. Is the source the right one?")


def _check_names(dataset: xr.Dataset) -> None:
    for name in map(str, (*dataset.variables, *dataset.attrs)):
        if "/" in name or not name.isprintable() or name != name.strip() or not name:
            raise DatasetError(
                f"The name {name[:60]!r} cannot be kept in a file: use one without slashes, control characters and "
                "space around it."
            )


def _canonical(dataset: xr.Dataset) -> xr.Dataset:
    if "condition" in dataset.indexes and dataset.indexes["condition"].nlevels > 1:
        dataset = dataset.reset_index("condition")
    if "unit" not in dataset.coords:
        dataset = dataset.assign_coords(unit=default_labels("u", dataset.sizes["unit"]))
    if not features(dataset) and "condition" not in dataset.coords:
        dataset = dataset.assign_coords(condition=default_labels("c", dataset.sizes["condition"]))
    dataset = dataset.assign_coords(
        {dim: _replaced(dataset[dim], dataset[dim].values.astype(str)) for dim in DIMS if dim in dataset.coords}
    )
    dataset = dataset.assign_coords(
        {name: _replaced(dataset[name], _as_text(values)) for name, values in unit_properties(dataset).items()}
        | {name: _feature(dataset, name) for name in features(dataset)}
    )
    entries = {name: _entries(dataset, name) for name in ENTRY_UNITS if name in dataset}
    dataset = dataset.assign(entries)
    if "statistics" in dataset.attrs:
        dataset.attrs["statistics"] = list(np.atleast_1d(dataset.attrs["statistics"]).astype(str).tolist())
    return dataset


def default_labels(prefix: str, n: int) -> Shaped[np.ndarray, " n"]:
    """Labels with as many digits as the last one needs.

    >>> default_labels("u", 11)[:2].tolist()
    ['u00', 'u01']
    """
    return np.array([f"{prefix}{i:0{len(str(n - 1))}d}" for i in range(n)])


def _replaced(old: xr.DataArray, values: np.ndarray) -> Column:
    return old.dims, values, dict(old.attrs)


def _as_text(values: np.ndarray) -> np.ndarray:
    return values.astype(str) if values.dtype.kind not in "biuf" else values


def _feature(dataset: xr.Dataset, name: str) -> Column:
    def where(index: tuple[int, ...]) -> str:
        return f"Feature '{name}' of condition {index[0]}"

    return _replaced(dataset[name], as_float(dataset[name].values, where, "text belongs in 'condition' labels"))


def _entries(dataset: xr.Dataset, name: str) -> Column:
    variable = dataset[name].transpose(*DIMS)

    def where(index: tuple[int, ...]) -> str:
        return f"'{name}' of {unit_name(dataset, index[0])} in {condition_name(dataset, index[1])}"

    values = as_float(variable.values, where, "use NaN where it was not measured")
    own = rate_unit(dataset)
    default = ENTRY_UNITS[name] if own == "Hz" else {"rate": own, "rate_var": f"({own})^2"}.get(name, "1")
    return variable.dims, values, {"units": default, **variable.attrs}


def as_float(
    values: Shaped[np.ndarray, ...], where: Callable[[tuple[int, ...]], str], advice: str
) -> Float[np.ndarray, ...]:
    """Values as float64, None as NaN.

    Parameters
    ----------
    values
        Numbers, or objects that may be.
    where
        Names an entry, given its index.
    advice
        What the error recommends.

    Raises
    ------
    DatasetError
        If an entry is not a real number.

    >>> as_float(np.array([1, None]), str, "")
    array([ 1., nan])
    """
    if values.dtype.kind not in "biuf":
        for index, value in np.ndenumerate(values):
            if value is not None and not isinstance(value, numbers.Real):
                raise DatasetError(f"{where(index)} is {str(value)!r}, which is not a number: {advice}.")
    return values.astype(np.float64)


def _check_labels(dataset: xr.Dataset) -> None:
    labels, counts = np.unique(dataset["unit"].values, return_counts=True)
    if counts.max() > 1:
        raise DatasetError(
            f"{counts.max()} units are called {str(labels[counts.argmax()])!r}: give every unit its own "
            "label, for example session and number."
        )


def _check_features(dataset: xr.Dataset) -> None:
    columns = features(dataset)
    for name, values in columns.items():
        if (bad := np.flatnonzero(~np.isfinite(values))).size:
            raise DatasetError(
                f"Feature '{name}' of condition {bad[0]} is {values[bad[0]]}: every condition needs a finite "
                "value of every feature, so fill it in (a blank has size or contrast 0) or drop the condition."
            )
    if "condition" in dataset.coords:
        columns["condition"] = dataset["condition"].values
    seen: dict[tuple, int] = {}
    for i, key in enumerate(zip(*map(_levels, columns.values()), strict=True)):
        if (first := seen.setdefault(key, i)) != i:
            raise _not_told_apart(dataset, first, i)


def _levels(values: np.ndarray) -> np.ndarray:
    """A number for every value, the same for those that differ by less than rounding may."""
    distinct, number = np.unique(values, return_inverse=True)
    if values.dtype.kind != "f":
        return number
    apart = np.diff(distinct) > ROUNDING * np.maximum(np.abs(distinct[1:]), np.abs(distinct[:-1]))
    return np.concatenate([[0], apart.cumsum()])[number]


def _not_told_apart(dataset: xr.Dataset, first: int, second: int) -> DatasetError:
    """The error for two conditions that are one, exactly or but for rounding."""
    for name, values in features(dataset).items():
        one, other = sorted((values[first].item(), values[second].item()))
        if one != other:
            return DatasetError(
                f"Feature '{name}' has {one!r} and {other!r}, which are one value but for rounding: round that "
                "feature, so that they are one condition."
            )
    return DatasetError(
        f"{_sentence(condition_name(dataset, second))} is the same as condition {first}: average repeats, or add the "
        "feature that tells them apart."
    )


def _check_rates(dataset: xr.Dataset) -> None:
    rates = dataset["rate"].values
    _refuse(dataset, "rate", np.isinf(rates), "which is not a rate: use NaN where it was not measured")
    _refuse(
        dataset,
        "rate",
        (rates < 0) & (rate_unit(dataset) == "Hz"),
        "and a rate cannot be negative: give rates before any baseline is subtracted, NaN where it was not measured, "
        "or the unit of what is no rate (rate_unit, events or a.u.)",
    )
    measured = ~np.isnan(rates)
    if (never := np.flatnonzero(~measured.any(axis=1))).size:
        raise DatasetError(
            f"{_sentence(unit_name(dataset, never[0]))} has no measured condition (every rate is NaN): "
            "drop that unit."
        )
    if (never := np.flatnonzero(~measured.any(axis=0))).size:
        raise DatasetError(
            f"{_sentence(condition_name(dataset, never[0]))} was never measured (every rate is NaN): "
            "drop that condition."
        )


def _check_optional(dataset: xr.Dataset) -> None:
    measured = ~np.isnan(dataset["rate"].values)
    if "rate_var" in dataset:
        values = dataset["rate_var"].values
        bad = measured & ((values < 0) | np.isinf(values))
        _refuse(dataset, "rate_var", bad, "and a variance is finite and not negative: use NaN where unknown")
    if "n_trials" in dataset:
        values = dataset["n_trials"].values
        bad = measured & ((values < 1) | np.isinf(values))
        _refuse(
            dataset,
            "n_trials",
            bad,
            "and a measured rate needs a trial: set the rate to NaN if there is none",
        )


def _refuse(dataset: xr.Dataset, name: str, bad: np.ndarray, why: str) -> None:
    if bad.any():
        u, c = np.argwhere(bad)[0]
        value, unit = dataset[name].values[u, c], str(dataset[name].attrs["units"]).removesuffix("1")
        raise DatasetError(
            f"The {name} of {unit_name(dataset, u)} in {condition_name(dataset, c)} is "
            f"{f'{value:g} {unit}'.strip()}, {why}."
        )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
