"""What every column of a table is, and why: nothing is a stimulus feature only because it is a number."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.errors import suggest
from tuneful.readers.columns import (
    ENTRIES,
    PREFIX,
    UNIT_COLUMNS,
    Table,
    as_text,
    describes_by_text,
    describes_units,
    is_text,
    parse_numbers,
)
from tuneful.readers.names import ESSENTIAL, Meaning, bare, feature_name, is_unnamed, meaning, normal, quoted

LISTS = ("unit_columns", "features", "ignore", "conditions")  # of names of columns that a user may give


class Role(enum.StrEnum):
    """What a column is."""

    UNIT = "labels of units"
    ENTRY = "measurement"
    CONDITION = "labels of conditions"
    FEATURE = "stimulus feature"
    PROPERTY = "property of units"
    TRIAL = "counts repeats"
    IGNORED = "left out"


@dataclass(frozen=True)
class Column:
    """A column, what it is, and why."""

    name: str
    role: Role
    why: str


@dataclass(frozen=True)
class Asked:
    """What a user says about the columns of a table; names are those of the table.

    unit_columns, features, ignore, conditions
        Columns that describe units, are stimulus features, are left out, or hold the rates of one condition each.
    unit_column
        The column with the labels of units.
    average
        Whether repeated measurements are averaged.
    rate_unit
        That of the responses.
    """

    unit_columns: Sequence[str] = ()
    features: Sequence[str] = ()
    ignore: Sequence[str] = ()
    conditions: Sequence[str] = ()
    unit_column: str | None = None
    average: bool = False
    rate_unit: str = "Hz"

    def of(self, table: Table) -> Self:
        """The same in the names of a table; units of measurement may be left out of what was asked.

        Raises
        ------
        DatasetError
            For the first name that the table does not have, apart from features, which a wide one may lack.
        """
        whole = {spelt(name): name for spelt in (feature_name, bare, str) for name in table}
        of_units = () if self.unit_column is None else (self.unit_column,)
        asked = (*self.unit_columns, *self.ignore, *self.conditions, *of_units)
        if absent := [name for name in asked if name not in whole]:
            raise no_column(absent[0], table)
        return self.called(whole)

    def called(self, names: Mapping[str, str]) -> Self:
        """The same of columns that are called otherwise."""
        lists = {f: [names.get(n, n) for n in getattr(self, f)] for f in LISTS}
        return replace(self, unit_column=self.unit_column and names.get(self.unit_column), **lists)


def no_column(name: str, table: Table) -> DatasetError:
    """The error for a name that a table does not have."""
    return DatasetError(f"There is no column '{name}'.{suggest(name, table)}")


def renamed(table: Table, asked: Asked) -> tuple[Table, Asked]:
    """The table, and what is asked of it, with the names that this package uses for what it needs, and for features.

    Raises
    ------
    DatasetError
        If two columns could be the same.
    """
    kept = (*asked.unit_columns, *asked.ignore, *asked.conditions)
    names: dict[str, str] = {asked.unit_column: "unit"} if asked.unit_column else {}
    for name in table:
        known = meaning(name)
        if name in names or name in kept or name.startswith(PREFIX):
            continue
        if known in ESSENTIAL:
            if name not in asked.features:
                names[name] = str(known)
        elif known in (Meaning.FEATURE, Meaning.PROPERTY) or normal(name) in UNIT_COLUMNS:
            names[name] = normal(name)
    for target in set(names.values()):
        sources = [name for name, becomes in names.items() if becomes == target]
        if target in sources:  # who is called so exactly is it; the others are what their values say
            names = {name: becomes for name, becomes in names.items() if becomes != target or name == target}
        elif len(sources) > 1:
            raise DatasetError(
                f"Columns '{sources[0]}' and '{sources[1]}' could both be '{target}': rename one, or leave it out "
                f"with the option ignore={sources[1]!r}."
            )
    short = [names.get(name, bare(name)) for name in table]
    clear = {name: "=" not in name and short.count(becomes) == 1 for name, becomes in zip(table, short, strict=True)}
    names = {name: becomes if clear[name] else name for name, becomes in zip(table, short, strict=True)}
    return {names[name]: values for name, values in table.items()}, asked.called(names)


def roles_of_long(table: Table, asked: Asked, unit: np.ndarray) -> list[Column]:
    """The role of every column of a long table, in order.

    Parameters
    ----------
    table
        With the names of `renamed`.
    asked
        What is known.
    unit
        Number of the unit of every row, (rows,).

    Raises
    ------
    DatasetError
        For a column whose role cannot be told.
    """
    told = {name: _told_in_long(name, values, asked) for name, values in table.items()}
    n_open = sum(column is None for column in told.values())
    known = any(c is not None and c.role in (Role.CONDITION, Role.FEATURE) for c in told.values())
    others = known or n_open > 1
    columns = [column or _numeric_role(name, table[name], unit, others) for name, column in told.items()]
    open_ = [name for name, column in told.items() if column is None and meaning(name) is not Meaning.FEATURE]
    _refuse_measurements(columns, open_, table, unit)
    return columns


def _refuse_measurements(columns: Sequence[Column], open_: Sequence[str], table: Table, unit: np.ndarray) -> None:
    """Refuse numbers that no rows need to be told apart by, and in which units differ in one and the same condition.

    Errors of rates, latencies and baselines are such, and stimuli are not.
    """
    role = {c.name: c.role for c in columns if c.role in (Role.FEATURE, Role.CONDITION, Role.TRIAL)}
    values = {n: parse_numbers(table[n]) if r is Role.FEATURE else as_text(table[n]) for n, r in role.items()}
    frame = pd.DataFrame(values | {"unit": unit})
    sure = [name for name in role if name not in open_]
    suffices = set(map(role.get, sure)) - {Role.TRIAL} and not frame[["unit", *sure]].duplicated().any()
    for name in (name for name in role if name in open_):
        others = sure if suffices else [other for other in role if other != name]
        if not others or frame[["unit", *others]].duplicated().any():
            continue
        if frame.groupby(others)[name].nunique().to_numpy().max() > 1:
            raise DatasetError(
                f"Column '{name}' differs between units in the same condition, and no rows are told apart by it, so "
                f"that it cannot be told what it is: {settle(name)}."
            )


def role_by_name(name: str, values: pd.Series, asked: Asked) -> Column | None:
    """The role that the user or a name gives a column in any layout; None if neither does."""
    if name == "unit":
        return Column(name, Role.UNIT, "by its name")
    if name in asked.ignore:
        return Column(name, Role.IGNORED, "as asked")
    if name in asked.unit_columns:
        return Column(name, Role.PROPERTY, "as asked")
    if describes_units(name):
        return Column(name, Role.PROPERTY, "by its name")
    if meaning(name) is Meaning.COUNTER and counts_rows(values):
        return Column(name, Role.IGNORED, "it counts rows")
    return None


def _told_in_long(name: str, values: pd.Series, asked: Asked) -> Column | None:
    """The role that the user, a name or text gives; None for numbers that have to be looked at."""
    if name in asked.features and name not in asked.ignore:
        return Column(name, Role.FEATURE, "as asked")
    if told := role_by_name(name, values, asked):
        return told
    if name in ENTRIES:
        return Column(name, Role.ENTRY, "by its name")
    if name == Meaning.CONDITION:
        return Column(name, Role.CONDITION, "by its name")
    if meaning(name) is Meaning.TRIAL:
        return Column(name, Role.TRIAL, "by its name")
    is_property = describes_by_text(values, word_among_numbers(name, "leave it out by --drop"))
    return Column(name, Role.PROPERTY, "text") if is_property else None


def settle(name: str, option: str = "features", what: str = "a stimulus feature") -> str:
    """How a user says what a column is; `option` names it as `what`."""
    column = quoted(name)
    return (
        f"say {option}={column} if it is {what}, unit_columns={column} if it describes units, or ignore={column} to "
        "leave it out (on the command line after --option)"
    )


def word_among_numbers(name: str, way_out: str) -> str:
    """What to do about a word in a column of numbers that nobody said anything of."""
    return f"correct it, {way_out}, or say unit_columns={quoted(name)} if the column describes units"


def check_names(table: Table, asked: Asked) -> None:
    """Refuse columns without a name, except for one that counts rows.

    Raises
    ------
    DatasetError
        For the first of them.
    """
    for i, (name, values) in enumerate(table.items(), start=1):
        if is_unnamed(name) and name not in (*asked.ignore, asked.unit_column) and not counts_rows(values):
            raise DatasetError(
                f"Column {i} has no name: name it ('unit', if it labels units), or remove it if it only counts rows."
            )


def counts_rows(values: pd.Series) -> bool:
    """Whether a column holds different whole numbers without a gap, as an index does, in any order."""
    if is_text(values) or len(values) < 2:
        return False
    numbers = np.sort(parse_numbers(values))
    return bool(np.isfinite(numbers).all() and (np.diff(numbers) == 1).all() and numbers[0] in (0, 1))


def _in_order(numbers: np.ndarray) -> bool:
    """Whether numbers count from 0 or 1, row by row, as R's column ``X`` does."""
    return numbers[0] in (0, 1) and bool((np.diff(numbers) == 1).all())


def _numeric_role(name: str, values: pd.Series, unit: np.ndarray, others: bool) -> Column:
    """What a column of numbers is, by how it varies within units."""
    numbers = parse_numbers(values)
    frame = pd.DataFrame({"unit": unit, "value": numbers})
    distinct = np.bincount(frame.drop_duplicates()["unit"].to_numpy())
    n_units, n_distinct = len(distinct), len(pd.unique(numbers))
    known = meaning(name)
    if (distinct > 1).any():
        of_rows = n_distinct == len(frame) > n_units > 1 and (known is not Meaning.FEATURE or _in_order(numbers))
        is_label = known in (Meaning.IDENTIFIER, *ESSENTIAL)  # of those, what is left once another column is it
        if is_label or of_rows:
            what = "is called like an identifier" if is_label else "has another value in every row"
            raise DatasetError(f"Column '{name}' {what}, which tells rows apart and not stimuli: {settle(name)}.")
        return Column(name, Role.FEATURE, "numbers that vary within units")
    if n_distinct == 1 and known is Meaning.FEATURE:
        return Column(name, Role.FEATURE, "by its name; it has one value only")
    repeated = len(frame) > n_units
    if repeated and n_distinct > 1 and known is not Meaning.FEATURE:
        return Column(name, Role.PROPERTY, "one value within every unit")
    if not repeated and (known is Meaning.FEATURE or (not others and known is not Meaning.IDENTIFIER)):
        return Column(name, Role.FEATURE, "numbers, and a row for every unit")
    why = "has the same value in every row" if n_distinct == 1 else "has one value within every unit"
    raise DatasetError(f"Column '{name}' {why}, so that it cannot be told what it is: {settle(name)}.")
