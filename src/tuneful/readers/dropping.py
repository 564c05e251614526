"""Conditions and features that a user leaves out: `size=0`, or a whole `feature`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, features, validate
from tuneful.errors import suggest
from tuneful.readers.columns import Table, is_present
from tuneful.readers.names import feature_name


@dataclass(frozen=True)
class Drop:
    """A feature, and the value at which conditions are left out; None leaves out the feature itself."""

    feature: str
    value: str | None = None

    def is_of(self, name: str) -> bool:
        """Whether it is about the feature of this name, in any spelling."""
        return name == self.feature or feature_name(name) == feature_name(self.feature)

    def matches(self, values: Any) -> np.ndarray:
        """Where a column has the value: as a number where it is one, as text otherwise, and as missing if empty."""
        column = pd.Series(np.asarray(values)).astype(object)
        text = column.where(column.notna(), "").astype(str).str.strip().str.casefold()
        number = _number(self.value)
        if np.isfinite(number):
            numbers = np.array([_number(word) for word in text])
            return np.isclose(numbers, number, rtol=1e-9, atol=0)
        if self.value == "":
            return ~is_present(text.to_numpy(str))
        return np.asarray(text == str(self.value).casefold())


def drops_of(asked: Any) -> list[Drop]:
    """What is to be left out, given as texts or as one with commas between them.

    Raises
    ------
    DatasetError
        If it is not of that form.

    >>> drops_of("size=0,contrast")
    [Drop(feature='size', value='0'), Drop(feature='contrast', value=None)]
    """
    items = asked.split(",") if isinstance(asked, str) else asked
    if not isinstance(items, (list, tuple)) or not all(isinstance(i, str) and i.strip("= ") for i in items):
        raise DatasetError(f"What is left out is given as drop=size=0 or drop=size, and not as {asked!r}.")
    pairs = [item.partition("=") for item in items]
    return [Drop(name.strip(), value.strip() if equals else None) for name, equals, value in pairs]


def dropped_from_table(table: Table, drops: Sequence[Drop]) -> tuple[Table, list[str]]:
    """A table without the rows or headers of conditions that are left out, and the columns that are.

    Raises
    ------
    DatasetError
        If there is nothing like that.
    """
    left_out = []
    for drop in drops:
        names = [name for name in table if drop.is_of(name)]
        if drop.value is None and names:
            left_out += names
        elif names:
            keep = ~np.any([drop.matches(table[name]) for name in names], axis=0)
            _check(drop, keep)
            table = {name: column.loc[keep].reset_index(drop=True) for name, column in table.items()}
        else:
            table = _without_headers(table, drop)
    return table, left_out


def dropped_from_dataset(dataset: xr.Dataset, drops: Sequence[Drop]) -> xr.Dataset:
    """A dataset without the conditions and features that are left out; errors as in `dropped_from_table`."""
    for drop in drops:
        known = features(dataset)
        names = [name for name in known if drop.is_of(name)]
        if not names:
            raise DatasetError(f"There is no feature '{drop.feature}' to leave out.{suggest(drop.feature, known)}")
        if drop.value is None:
            dataset = dataset.drop_vars(names)
        else:
            keep = ~drop.matches(known[names[0]])
            _check(drop, keep)
            dataset = dataset.isel(condition=np.flatnonzero(keep))
    return validate(dataset)


def _without_headers(table: Table, drop: Drop) -> Table:
    """A wide table without the conditions that are left out, or with headers that do not name the feature."""
    headers = {name: [part.partition("=")[::2] for part in name.split(";")] for name in table if "=" in name}
    values = {name: value for name, parts in headers.items() for key, value in parts if drop.is_of(key.strip())}
    if not values:
        known = dict.fromkeys(key.strip() for parts in headers.values() for key, _ in parts) or table
        raise DatasetError(f"There is no feature '{drop.feature}' to leave out.{suggest(drop.feature, known)}")
    if drop.value is None:
        kept = {name: [f"{k}={v}" for k, v in parts if not drop.is_of(k.strip())] for name, parts in headers.items()}
        short = [";".join(kept[name]) if name in values else name for name in table]
        if len(set(short)) < len(table) or "" in short:
            raise DatasetError(
                f"Without the feature '{drop.feature}' nothing tells the conditions apart: leave out those of one "
                f"value, such as {drop.feature}={next(iter(values.values()))}."
            )
        return dict(zip(short, table.values(), strict=True))
    matching = drop.matches(list(values.values()))
    _check(drop, ~matching)
    gone = {name for name, is_gone in zip(values, matching, strict=True) if is_gone}
    return {name: column for name, column in table.items() if name not in gone}


def _number(word: str | None) -> float:
    try:
        return float(word or "")
    except ValueError:
        return np.nan


def _check(drop: Drop, keep: np.ndarray) -> None:
    if keep.all():
        raise DatasetError(
            f"No condition has {drop.feature} = {drop.value or 'nothing'}: there is none to leave out."
        )
    if not keep.any():
        raise DatasetError(f"Every condition has {drop.feature} = {drop.value}: nothing would be left.")
