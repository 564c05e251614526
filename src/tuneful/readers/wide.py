"""The wide layout of a table: one unit a row, one condition a column."""

import re
from collections.abc import Sequence

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

FEATURE_HEADER = re.compile(r"[^=;]+=[^=;]*(;[^=;]+=[^=;]*)*")  # x=-1;y=0;z=1


def from_wide(table: Table, unit_columns: set[str]) -> xr.Dataset:
    """The dataset of a wide table; plain headers of conditions become their labels.

    Raises
    ------
    DatasetError
        If no column holds rates, a rate is not a number, or headers have different features.
    """
    candidates = [name for name in table if name != "unit" and not marked_as_unit(name, unit_columns)]
    encoded = [name for name in candidates if FEATURE_HEADER.fullmatch(name)]
    headers = encoded or [name for name in candidates if not is_text(table[name])]
    if not headers:
        raise DatasetError(f"No column holds rates (found: {', '.join(table)}): expected {EXAMPLE}.")
    return make_dataset(
        np.stack([parse_numbers(table[name]) for name in headers], axis=1),
        _decoded(headers) if encoded else {"condition": headers},
        {name.removeprefix(PREFIX): parse(table[name]) for name in table if name not in (*headers, "unit")},
        as_text(table["unit"]) if "unit" in table else None,
    )


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
    has_features = bool(features(dataset))
    for header in headers:
        reads_back = bool(FEATURE_HEADER.fullmatch(header)) == has_features
        if not reads_back or header in ("unit", "rate", "") or marked_as_unit(header, set()):
            raise DatasetError(
                f"'{header}' cannot be the header of a wide table: use layout='long', or another label."
            )
    rates = pd.DataFrame(dataset["rate"].values, columns=pd.Index(headers))
    return pd.concat([pd.DataFrame(units), rates], axis=1)


def _decoded(headers: Sequence[str]) -> dict[str, np.ndarray]:
    """Features out of headers; the name ``condition`` is a label."""
    rows = []
    for header in headers:
        pairs = [part.split("=") for part in header.split(";")]
        rows.append({name.strip(): value.strip() for name, value in pairs})
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
            "like x=-1;y=0;z=1."
        ) from error


def _encoded(dataset: xr.Dataset) -> list[str]:
    columns = features(dataset)
    labels = {"condition": dataset["condition"].values} if "condition" in dataset.coords else {}
    if not columns:
        return labels["condition"].tolist()
    rows = zip(*(values.tolist() for values in (labels | columns).values()), strict=True)
    return [";".join(f"{name}={v}" for name, v in zip(labels | columns, row, strict=True)) for row in rows]
