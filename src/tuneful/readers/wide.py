"""The wide layout of a table: one unit a row, one condition a column."""

from collections.abc import Sequence

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
    check_labelled,
    describes_by_text,
    describes_units,
    is_text,
    parse,
    parse_numbers,
    unit_table,
)
from tuneful.readers.delimited import FEATURE_HEADER
from tuneful.readers.names import ESSENTIAL, Meaning, feature_name, meaning, quoted
from tuneful.readers.reading import Reading
from tuneful.readers.roles import Asked, Column, Role, role_by_name, settle, word_among_numbers
from tuneful.readers.sessions import told_apart
from tuneful.readers.text import is_number


def from_wide(table: Table, asked: Asked) -> Reading:
    """The dataset of a wide table; plain headers of conditions become their labels.

    Parameters
    ----------
    table
        With the names of `tuneful.readers.roles.renamed`.
    asked
        What is known of its columns.

    Raises
    ------
    DatasetError
        If no column holds rates, a rate is not a number, headers have different features, or it cannot be told
        whether a column of numbers is a condition.
    """
    if asked.average:
        raise DatasetError(
            "Only a long table, with a row for every measurement, can be averaged, and this one is wide: leave out "
            "--average (the option average)."
        )
    table = _with_feature_names(table, asked)
    columns = [_told(name, values, asked) for name, values in table.items()]
    open_ = [name for name, column in zip(table, columns, strict=True) if column is None]
    encoded = [name for name in open_ if FEATURE_HEADER.fullmatch(name)]
    others = _others(table, encoded, open_, asked)
    headers = encoded or [name for name in open_ if name not in others]
    if not headers:
        raise DatasetError(f"No column holds rates (found: {', '.join(table)}): expected {EXAMPLE}.")
    why = "features in its header" if encoded else "rates under a label"
    told = {c.name: c for c in (*columns, *others.values()) if c is not None}
    told |= {name: Column(name, Role.CONDITION if not encoded else Role.ENTRY, why) for name in headers}
    of_units = [name for name, column in told.items() if column.role is Role.PROPERTY]
    if "unit" in table:
        check_labelled(table["unit"])
    labels, notes = (None, []) if "unit" not in table else told_apart({n: table[n] for n in ("unit", *of_units)})
    if not (encoded or asked.conditions or labels is None) and (again := pd.Index(labels).duplicated()).any():
        raise _no_rates(table, f"unit {str(labels[again][0])!r} has several rows, and one in a wide table")
    dataset = make_dataset(
        np.stack([parse_numbers(table[name]) for name in headers], axis=1),
        decoded(headers) if encoded else {"condition": headers},
        {name.removeprefix(PREFIX): parse(table[name]) for name in of_units},
        labels,
        rate_unit=asked.rate_unit,
    )
    return Reading(dataset, [told[name] for name in table], notes)


def _told(name: str, values: pd.Series, asked: Asked) -> Column | None:
    """The role that the user or a name gives; None for headers of conditions, and for what has to be looked at."""
    is_condition = name in asked.conditions or FEATURE_HEADER.fullmatch(name)
    return None if is_condition and name not in asked.ignore else role_by_name(name, values, asked)


def _others(table: Table, encoded: Sequence[str], open_: Sequence[str], asked: Asked) -> dict[str, Column]:
    """Columns that hold no rates, among those whose names say nothing; refuses what cannot be told."""
    left = [name for name in open_ if name not in encoded and name not in asked.conditions]
    advice = "leave the cell empty if it was not measured"
    text = [name for name in left if describes_by_text(table[name], word_among_numbers(name, advice))]
    numbers = [name for name in left if name not in text]
    is_plain, is_labelled = not (encoded or asked.conditions), "unit" in table
    if is_plain:
        _refuse_long(table, left, is_labelled)
    if not is_labelled:
        labels = [n for n in text if is_plain or table[n].is_unique]
        _refuse_labels([*labels, *(n for n in numbers if meaning(n) is Meaning.IDENTIFIER)])
    found = {name: Column(name, Role.PROPERTY, "text") for name in text}
    if not is_plain:
        for name in numbers:
            _refuse_unknown(name, f"the conditions are headers like '{(*encoded, *asked.conditions)[0]}'")
        return found
    stems = {name: stem for name in numbers if (stem := _stem(name)) is not None}
    for name in numbers:
        if stems and (name not in stems or len(set(stems.values())) > 1):
            _refuse_unknown(name, f"headers of conditions are alike, as '{next(iter(stems))}'")
    for name in text:
        if _stem(name) in stems.values():
            parse_numbers(table[name])  # names the cell
    if numbers and not is_labelled and not any(map(describes_units, table)):
        raise DatasetError(
            f"No column labels units (found: {', '.join(table)}): add a column 'unit', and see that units are rows "
            f"and conditions are columns; expected {EXAMPLE}."
        )
    return found


def _refuse_long(table: Table, left: Sequence[str], is_labelled: bool) -> None:
    """Refuse a table with columns that long tables and tables of trials have, and wide ones have not."""
    known = {Meaning.FEATURE, *ESSENTIAL, Meaning.IDENTIFIER, Meaning.COUNTER}
    known -= set() if is_labelled else {Meaning.IDENTIFIER}
    if long := [n for n in left if meaning(n) in known or (meaning(n) is Meaning.TRIAL and _counts(table[n]))]:
        raise _no_rates(table, f"'{long[0]}' is no condition of a wide table")


def _counts(values: pd.Series) -> bool:
    """Whether a column holds whole numbers and text alone, as one that counts trials does, and rates seldom do."""
    if is_text(values):
        return True
    numbers = parse_numbers(values)
    return bool(np.isfinite(numbers).all() and (np.mod(numbers, 1) == 0).all())


def _refuse_labels(names: Sequence[str]) -> None:
    """Refuse a column that may label the units of a table in which no column is called so."""
    if names:
        name = quoted(names[0])
        raise DatasetError(
            f"No column is called 'unit' or like it: if '{names[0]}' labels the units, say --unit-column {name} "
            f"(unit_column={name}); if it describes them, say unit_columns={name}; expected is {EXAMPLE}."
        )


def _no_rates(table: Table, but: str) -> DatasetError:
    return DatasetError(
        f"There is no column 'rate' (found: {', '.join(table)}), and {but}: rename the column of rates, say --option "
        f"layout=trials and --conditions if rows are trials and columns are units, or expected is {EXAMPLE}."
    )


def _refuse_unknown(name: str, but: str) -> None:
    way_out = settle(name, "conditions", "a condition")
    raise DatasetError(f"Column '{name}' holds numbers, but {but}, so that it cannot be told what it is: {way_out}.")


def _stem(name: str) -> str | None:
    """What a header has in common with others that are numbered as it is; None if it has no number.

    >>> _stem("c1"), _stem("cond_01"), _stem("area")
    ('c', 'cond', None)
    """
    stem = name.rstrip("0123456789")
    return None if stem == name else stem.rstrip(" _.-")


def _with_feature_names(table: Table, asked: Asked) -> Table:
    """The table with headers that are numbers named by the one feature that the user says they are of."""
    bare = [name for name in table if is_number(name)]
    if not bare:
        if asked.features:
            raise DatasetError(
                f"The option features={asked.features[0]} says what headers that are numbers are of, and this wide "
                "table has none: leave it out."
            )
        return table
    if len(asked.features) != 1:
        raise DatasetError(
            f"Headers like '{bare[0]}' are numbers: write them as features, for example size={bare[0]}, or give the "
            f"feature's name with the option features=size."
        )
    return {f"{asked.features[0]}={name}" if name in bare else name: values for name, values in table.items()}


def to_wide(dataset: xr.Dataset) -> pd.DataFrame:
    """A valid dataset as a wide table.

    Raises
    ------
    DatasetError
        If it has more than rates, or a label of a condition that cannot be a header.
    """
    if lost := [name for name in ENTRIES[1:] if name in dataset]:
        raise DatasetError(f"A wide table has no room for '{lost[0]}': use layout='long', or a .nc file.")
    units, headers = unit_table(dataset), _encoded(dataset)
    for header in headers:
        reads_back = FEATURE_HEADER.fullmatch(header) and header.count("=") == header.count(";") + 1
        if not reads_back:
            raise DatasetError(
                f"'{header}' cannot be the header of a wide table: use layout='long', or another label."
            )
    rates = pd.DataFrame(dataset["rate"].values, columns=pd.Index(headers))
    return pd.concat([pd.DataFrame(units), rates], axis=1)


def decoded(headers: Sequence[str]) -> dict[str, np.ndarray]:
    """Features out of headers such as ``size=4;contrast=20``; the name ``condition`` is a label.

    Raises
    ------
    DatasetError
        If headers have different features, or values that are no numbers.

    >>> decoded(["size=0.5", "size=4"])
    {'size': array([0.5, 4. ])}
    """
    rows = []
    for header in headers:
        pairs = [part.split("=") for part in header.split(";")]
        rows.append({feature_name(name.strip()): value.strip() for name, value in pairs})
        if len(rows[-1]) < len(pairs):
            raise DatasetError(f"Header '{header}' has a feature twice: give every feature one value.")
        if set(rows[-1]) != set(rows[0]):
            raise DatasetError(f"Header '{header}' does not have the same features as '{headers[0]}'.")
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {name: v if name == "condition" else _numbers(name, v, headers) for name, v in columns.items()}


def _numbers(name: str, cells: np.ndarray, headers: Sequence[str]) -> np.ndarray:
    try:
        return cells.astype(np.float64)
    except ValueError as error:
        raise DatasetError(
            f"Feature '{name}' is not a number in every header (such as '{headers[0]}'): write them "
            f"like x=-1;y=0;z=1; {BLANK}."
        ) from error


def _encoded(dataset: xr.Dataset) -> list[str]:
    columns = features(dataset)
    labels = {"condition": dataset["condition"].values} if "condition" in dataset.coords else {}
    rows = zip(*(values.tolist() for values in (labels | columns).values()), strict=True)
    return [";".join(f"{name}={v}" for name, v in zip(labels | columns, row, strict=True)) for row in rows]
