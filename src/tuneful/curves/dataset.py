"""Build, select and split tuning-curve datasets; `tuneful.curves.schema` says what one looks like."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int, Shaped
from numpy.typing import ArrayLike

from tuneful.curves.schema import DIMS, DRAWN_FROM, ENTRY_UNITS, DatasetError, unit_called
from tuneful.curves.validation import default_labels, validate

if TYPE_CHECKING:
    import xarray as xr

ARGUMENTS = ("conditions", "units", "unit_labels", "rate_var", "n_trials", "statistics", "rate_unit")
ALIKE = 0.85  # of names, at which one is taken for a misspelt other


def make_dataset(
    rates: ArrayLike,
    conditions: Mapping[str, ArrayLike],
    units: Mapping[str, ArrayLike] | None = None,
    unit_labels: ArrayLike | None = None,
    rate_var: ArrayLike | None = None,
    n_trials: ArrayLike | None = None,
    statistics: str | Sequence[str] | None = None,
    rate_unit: str = "Hz",
    **attrs: Any,
) -> xr.Dataset:
    """A validated dataset from plain arrays.

    Parameters
    ----------
    rates
        Firing rates in Hz, or responses in `rate_unit`, (units, conditions); NaN (or masked) where a unit was not
        measured in a condition.
    conditions
        Stimulus features, name -> values (conditions,) in their own units; the name `condition` holds
        labels. With no entry at all the conditions are labelled `c0`, `c1`, ...
    units
        Properties of units such as `session`, `area`, `cell_type`, name -> values (units,).
    unit_labels
        Labels (units,), all different; by default `u0`, `u1`, ...
    rate_var, n_trials
        Variance over trials (Hz^2, or of that unit) and number of trials, (units, conditions).
    statistics
        Names of the statistics that describe these curves, if not those that the features suggest.
    rate_unit
        "Hz", "events" (deconvolved ones) or "a.u."; responses in the last two may be negative.
    **attrs
        Free attributes of the dataset, such as `source`.

    Raises
    ------
    DatasetError
        If lengths do not match, a name is used twice, an attribute is called nearly as an argument is, or `validate`
        finds something.

    >>> data = make_dataset([[1.0, 3.0], [2.0, float("nan")]], {"size": [0.5, 4]}, {"area": ["V1", "V1"]})
    >>> data["rate"].sel(unit="u0").values
    array([1., 3.])
    """
    import xarray as xr  # here and not above: it loads pandas, which an import of the package does not need

    _refuse_misspelt(attrs)
    conditions = by_name("conditions", conditions)
    table = _as_entries(rates, "rates")
    entries = {"rate": table} | {
        name: _as_entries(values, name, table.shape)
        for name, values in {"rate_var": rate_var, "n_trials": n_trials}.items()
        if values is not None
    }
    units = by_name("units", units) | {
        "unit": default_labels("u", table.shape[0]) if unit_labels is None else unit_labels
    }
    if clash := (set(units) & set(conditions)) | ((set(units) | set(conditions)) & set(ENTRY_UNITS)):
        raise DatasetError(f"The name '{min(clash)}' is used twice: rename that feature or unit property.")
    coords = {name: ("unit", _column(values, name, table.shape[0], "units")) for name, values in units.items()}
    coords |= {
        name: ("condition", _column(values, name, table.shape[1], "conditions"))
        for name, values in conditions.items()
    }
    if statistics is not None:
        attrs["statistics"] = [statistics] if isinstance(statistics, str) else list(statistics)
    dataset = xr.Dataset({k: (DIMS, v) for k, v in entries.items()}, coords, attrs)
    dataset["rate"].attrs["units"] = unit_called(rate_unit)
    return validate(dataset)


def by_name(argument: str, columns: Any) -> dict[str, Any]:
    """Columns of a mapping, or of a table, by their names as text.

    Raises
    ------
    DatasetError
        If they have no names.

    >>> by_name("conditions", {3: [1, 2]})
    {'3': [1, 2]}
    """
    if columns is None:
        return {}
    if not hasattr(columns, "keys"):
        raise DatasetError(
            f"'{argument}' are values by their names, such as {{'size': [1, 4]}}, and not {columns!r}."
        )
    return {str(name): columns[name] for name in columns.keys()}  # noqa: SIM118, a table has its rows in itself


def _refuse_misspelt(attrs: Collection[str]) -> None:
    """Attributes are free, but one that is called nearly as an argument was meant to be that."""
    for name in attrs:
        if close := difflib.get_close_matches(name, ARGUMENTS, n=1, cutoff=ALIKE):
            raise DatasetError(f"There is no argument {name!r}. Did you mean {close[0]!r}?")


def _as_entries(values: ArrayLike, name: str, shape: tuple[int, int] | None = None) -> np.ndarray:
    array = np.ma.filled(values.astype(float), np.nan) if isinstance(values, np.ma.MaskedArray) else _array(values)
    if array.ndim != 2 or (shape is not None and array.shape != shape):
        needed = "(units, conditions)" if shape is None else f"{shape} of the rates"
        raise DatasetError(f"'{name}' has shape {array.shape} where {needed} is needed: one row a unit.")
    return array


def _column(values: ArrayLike, name: str, length: int, what: str) -> np.ndarray:
    array = _array(values)
    if array.shape != (length,):
        raise DatasetError(
            f"'{name}' has shape {array.shape} but the rates have {length} {what}: give one value for each."
        )
    return array


def _array(values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # rows of different lengths
        return np.asarray(values, dtype=object)


def complete_units(dataset: xr.Dataset) -> xr.Dataset:
    """Only the units measured in every condition.

    Raises
    ------
    DatasetError
        If no unit is complete; the message says how many conditions the best one has.

    >>> data = make_dataset([[1.0, 3.0], [2.0, float("nan")]], {"size": [0.5, 4]})
    >>> complete_units(data).sizes["unit"]
    1
    """
    measured = ~np.isnan(dataset["rate"].values)
    complete = measured.all(axis=1)
    if not complete.any():
        raise DatasetError(
            f"None of the {len(measured)} units was measured in all {measured.shape[1]} conditions (the best "
            f"in {measured.sum(axis=1).max()}): keep incomplete units, their gaps are masked."
        )
    return dataset.isel(unit=np.flatnonzero(complete))


def split(dataset: xr.Dataset, held_out: float, seed: int, by: str | None = None) -> tuple[xr.Dataset, xr.Dataset]:
    """Set a random fraction of the units aside.

    round(held_out n) of n units are held out, drawn without replacement by `numpy.random.default_rng(seed)`. Copies
    of one unit in a bootstrap sample, those of one ``drawn_from``, are on one side, so that a few more may be held
    out. A condition measured in few units may end up unmeasured on one side.

    Parameters
    ----------
    dataset
        Curves of at least 4 units.
    held_out
        The fraction, 0 to 1.
    seed
        Decides which units.
    by
        A property of units: of every value of it, that fraction is held out. By default of all units.

    Returns
    -------
    The units to fit and those held out, each in the order of the dataset.

    Raises
    ------
    DatasetError
        If either side would have fewer than 2 units, or fewer than 2 of any value of `by`.

    >>> data = make_dataset([[1.0], [2.0], [3.0], [4.0]], {"size": [0.5]})
    >>> train, test = split(data, held_out=0.5, seed=0)
    >>> sorted([*train["unit"].values.tolist(), *test["unit"].values.tolist()])
    ['u0', 'u1', 'u2', 'u3']
    """
    groups = np.zeros(dataset.sizes["unit"]) if by is None else dataset[by].values
    originals = dataset[DRAWN_FROM if DRAWN_FROM in dataset.coords else "unit"].values
    rng, aside = np.random.default_rng(seed), list[np.ndarray]()
    for value in np.unique(groups):
        units = np.flatnonzero(groups == value)
        which = "" if by is None else f" of which {by} is {value}"
        n_test = round(held_out * len(units)) if 0 <= held_out <= 1 else 0
        places = _earliest_of_copies(np.argsort(rng.permutation(len(units))), originals[units])
        test = units[places <= np.sort(places)[n_test - 1]] if n_test else units[:0]
        if not 2 <= len(test) <= len(units) - 2:
            raise DatasetError(
                f"Holding out {held_out} of {len(units)} units{which} does not leave 2 on either side: choose a "
                "fraction between 0 and 1 (0.5 is half), or use more units."
            )
        aside.append(test)
    test = np.sort(np.concatenate(aside))
    return dataset.isel(unit=np.setdiff1d(np.arange(len(groups)), test)), dataset.isel(unit=test)


def _earliest_of_copies(
    places: Int[np.ndarray, " units"], originals: Shaped[np.ndarray, " units"]
) -> Int[np.ndarray, " units"]:
    """The first place that any copy of the same unit has."""
    _, of = np.unique(originals, return_inverse=True)
    earliest = np.full(len(places), len(places))
    np.minimum.at(earliest, of, places)
    return earliest[of]


def parted(dataset: xr.Dataset, aside: Collection[str]) -> tuple[xr.Dataset, xr.Dataset]:
    """Set the named units aside: the others, and these, each in the order of the dataset.

    >>> data = make_dataset([[1.0], [2.0], [3.0]], {"size": [0.5]})
    >>> [part["unit"].values.tolist() for part in parted(data, ["u1"])]
    [['u0', 'u2'], ['u1']]
    """
    is_aside = np.isin(dataset["unit"].values, list(aside))
    return dataset.isel(unit=np.flatnonzero(~is_aside)), dataset.isel(unit=np.flatnonzero(is_aside))
