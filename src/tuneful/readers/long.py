"""The long layout of a table: one measurement a row."""

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, features, make_dataset
from tuneful.readers.columns import (
    ENTRIES,
    EXAMPLE,
    PREFIX,
    Table,
    as_text,
    is_text,
    marked_as_unit,
    parse,
    parse_numbers,
    unit_table,
)


def from_long(table: Table, unit_columns: set[str]) -> xr.Dataset:
    """The dataset of a long table; conditions are the distinct combinations of features, in their order.

    Raises
    ------
    DatasetError
        If ``unit``, ``rate`` or features are missing, a measurement occurs twice, or a property of a unit
        changes between its rows.
    """
    for needed in ("unit", "rate"):
        if needed not in table:
            raise DatasetError(f"There is no column '{needed}' (found: {', '.join(table)}): expected {EXAMPLE}.")
    properties, keys = _roles(table, unit_columns)
    labels = as_text(table["unit"])
    _check_filled(keys | {"unit": labels})
    unit, first_of_unit = _numbered({"unit": labels})
    condition, first_of_condition = _numbered(keys)
    _check_measured_once(labels, keys, unit, condition)
    for name, values in properties.items():
        _check_constant(name, values, labels, first_of_unit[unit])
    entries = {name: np.full((unit.max() + 1, condition.max() + 1), np.nan) for name in ENTRIES if name in table}
    for name, entry in entries.items():
        entry[unit, condition] = parse_numbers(table[name])
    return make_dataset(
        entries["rate"],
        {name: values[first_of_condition] for name, values in keys.items()},
        {name.removeprefix(PREFIX): values[first_of_unit] for name, values in properties.items()},
        labels[first_of_unit],
        entries.get("rate_var"),
        entries.get("n_trials"),
    )


def to_long(dataset: xr.Dataset) -> pd.DataFrame:
    """A valid dataset as a long table, with a row for what was not measured too, which keeps the order."""
    n, s = dataset["rate"].shape
    columns = {name: np.repeat(values, s) for name, values in unit_table(dataset).items()}
    if "condition" in dataset.coords:
        columns["condition"] = np.tile(dataset["condition"].values, n)
    columns |= {name: np.tile(values, n) for name, values in features(dataset).items()}
    columns |= {name: dataset[name].values.ravel() for name in ENTRIES if name in dataset}
    return pd.DataFrame(columns)


def _roles(table: Table, unit_columns: set[str]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Properties of units, and the columns that tell conditions apart."""
    others = [name for name in table if name not in (*ENTRIES, "unit", "condition")]
    of_units = [name for name in others if marked_as_unit(name, unit_columns) or is_text(table[name])]
    properties = {name: parse(table[name]) for name in of_units}
    keys = {name: parse_numbers(table[name]) for name in others if name not in of_units}
    if "condition" in table:
        keys["condition"] = as_text(table["condition"])
    if not keys:
        raise DatasetError(f"No column tells the conditions apart (found: {', '.join(table)}): expected {EXAMPLE}.")
    return properties, keys


def _numbered(keys: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct rows by first appearance: the number of every row, and where each first appears."""
    number = pd.DataFrame(keys).groupby(list(keys), sort=False).ngroup().to_numpy()
    return number, np.unique(number, return_index=True)[1]


def _check_filled(keys: dict[str, np.ndarray]) -> None:
    for name, values in keys.items():
        missing = values == "" if values.dtype.kind == "U" else np.isnan(values)
        if missing.any():
            raise DatasetError(
                f"Column '{name}' is empty in data row {missing.argmax() + 1}: every measurement needs a "
                "unit and all features of its condition."
            )


def _check_measured_once(
    labels: np.ndarray, keys: dict[str, np.ndarray], unit: np.ndarray, condition: np.ndarray
) -> None:
    place = unit * (condition.max() + 1) + condition
    repeated = np.flatnonzero(pd.Series(place).duplicated())
    if repeated.size:
        second = repeated[0]
        first = np.flatnonzero(place == place[second])[0]
        where = ", ".join(f"{name}={values[second]}" for name, values in keys.items())
        raise DatasetError(
            f"Unit {str(labels[second])!r} has two rates for {where} (data rows {first + 1} and {second + 1})"
            ": average repeats, or add the feature that tells them apart."
        )


def _check_constant(name: str, values: np.ndarray, labels: np.ndarray, first: np.ndarray) -> None:
    differs = values != values[first]
    if values.dtype.kind == "f":
        differs &= ~(np.isnan(values) & np.isnan(values[first]))
    if differs.any():
        row = differs.argmax()
        raise DatasetError(
            f"Column '{name}' describes units, but unit {str(labels[row])!r} has both '{values[first[row]]}' "
            f"and '{values[row]}': if it is a stimulus feature, write it as a number."
        )
