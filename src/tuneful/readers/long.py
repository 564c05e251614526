"""The long layout of a table: one measurement a row."""

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, features, make_dataset
from tuneful.readers.columns import (
    BLANK,
    ENTRIES,
    EXAMPLE,
    PREFIX,
    Table,
    as_text,
    check_labelled,
    dropping,
    parse,
    parse_numbers,
    unit_table,
)
from tuneful.readers.names import Meaning, meaning
from tuneful.readers.reading import Reading
from tuneful.readers.repeats import averaged, numbered, placed, refuse_repeats
from tuneful.readers.roles import Asked, Column, Role, no_column, roles_of_long
from tuneful.readers.sessions import told_apart


def from_long(table: Table, asked: Asked) -> Reading:
    """The dataset of a long table; conditions are the distinct combinations of features, in their order.

    Parameters
    ----------
    table
        With the names of `tuneful.readers.roles.renamed`.
    asked
        What is known of its columns.

    Raises
    ------
    DatasetError
        If ``unit``, ``rate`` or features are missing, a measurement occurs twice and is not to be averaged, a column
        cannot be told, or a property of a unit changes between its rows.
    """
    for needed in ("unit", "rate"):
        if needed not in table:
            way_out = "rename yours" + (", or say --unit-column (unit_column=...)" if needed == "unit" else "")
            raise DatasetError(
                f"There is no column '{needed}' (found: {', '.join(table)}): {way_out}; expected is {EXAMPLE}."
            )
    _check_asked(table, asked)
    check_labelled(table["unit"])
    labels, notes = told_apart({name: values for name, values in table.items() if name not in asked.ignore})
    unit, first_of_unit = numbered({"unit": labels})
    columns = roles_of_long(table, asked, unit)
    properties = {c.name: parse(table[c.name]) for c in columns if c.role is Role.PROPERTY}
    for name, values in properties.items():
        _check_constant(name, values, labels, first_of_unit[unit])
    keys = {c.name: _key(c, table) for c in columns if c.role in (Role.FEATURE, Role.CONDITION)}
    if not keys:
        raise DatasetError(
            f"No column tells the conditions apart (found: {', '.join(table)}): call one of labels "
            f"'condition', or expected is {EXAMPLE}."
        )
    _check_filled(keys, table)
    condition, first_of_condition = numbered(keys)
    entries = {name: parse_numbers(table[name]) for name in ENTRIES if name in table}
    place = unit * (condition.max() + 1) + condition
    shape = (int(unit.max()) + 1, int(condition.max()) + 1)
    if asked.average:
        entries = averaged(entries, place, shape)
    else:
        refuse_repeats(place, labels, keys, [c.name for c in columns if c.role is Role.TRIAL])
        entries = {name: placed(values, place, shape) for name, values in entries.items()}
    dataset = make_dataset(
        entries["rate"],
        {name: values[first_of_condition] for name, values in keys.items()},
        {name.removeprefix(PREFIX): values[first_of_unit] for name, values in properties.items()},
        labels[first_of_unit],
        entries.get("rate_var"),
        entries.get("n_trials"),
        rate_unit=asked.rate_unit,
    )
    return Reading(dataset, columns, notes)


def to_long(dataset: xr.Dataset) -> pd.DataFrame:
    """A valid dataset as a long table, with a row for what was not measured too, which keeps the order."""
    n, s = dataset["rate"].shape
    columns = {name: np.repeat(values, s) for name, values in unit_table(dataset).items()}
    if "condition" in dataset.coords:
        columns["condition"] = np.tile(dataset["condition"].values, n)
    columns |= {name: np.tile(values, n) for name, values in features(dataset).items()}
    columns |= {name: dataset[name].values.ravel() for name in ENTRIES if name in dataset}
    return pd.DataFrame(columns)


def _check_asked(table: Table, asked: Asked) -> None:
    """Refuse what a user says and this layout has no use for."""
    if absent := [name for name in asked.features if name not in table]:
        raise no_column(absent[0], table)
    if asked.conditions:
        raise DatasetError(
            f"The option conditions={asked.conditions[0]} is for wide tables, with a column for each condition, and "
            "this one is long: leave it out, or say layout=wide."
        )


def _key(column: Column, table: Table) -> np.ndarray:
    values = table[column.name]
    return as_text(values) if column.role is Role.CONDITION else parse_numbers(values)


def _check_filled(keys: dict[str, np.ndarray], table: Table) -> None:
    for name, values in keys.items():
        missing = values == "" if values.dtype.kind == "U" else np.isnan(values)
        if missing.any():
            column = str(table[name].name)
            raise DatasetError(
                f"Column '{column}' is empty in data row {missing.argmax() + 1}: every measurement needs all "
                f"features of its condition ({BLANK}, or leave it out by {dropping(column, '')})."
            )


def _check_constant(name: str, values: np.ndarray, labels: np.ndarray, first: np.ndarray) -> None:
    differs = values != values[first]
    if values.dtype.kind == "f":
        differs &= ~(np.isnan(values) & np.isnan(values[first]))
    if differs.any():
        row = differs.argmax()
        advice = f"say so with the option features={name}"
        if values.dtype.kind in "Ub":
            advice = "write it as numbers, or as labels in a column 'condition'"
        if meaning(name) is Meaning.SESSION:
            advice = "and units are not those of one session, give them labels of their own"
        raise DatasetError(
            f"Column '{name}' describes units, but unit {str(labels[row])!r} has both '{values[first[row]]}' "
            f"and '{values[row]}': if it is a stimulus feature, {advice}; what is neither is left out by the option "
            f"ignore={name}."
        )
