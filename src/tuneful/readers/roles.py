"""What every column of a table is, and why: nothing is a stimulus feature only because it is a number."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.errors import suggest
from tuneful.readers.columns import PREFIX, UNIT_COLUMNS, Table, is_text, parse_numbers
from tuneful.readers.names import ESSENTIAL, Meaning, bare, is_unnamed, meaning, normal

SETTLE = "say features={0} if it is a stimulus feature, unit_columns={0} if it describes units, or ignore={0} to \
leave it out (on the command line after --option)"


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
    """

    unit_columns: Sequence[str] = ()
    features: Sequence[str] = ()
    ignore: Sequence[str] = ()
    conditions: Sequence[str] = ()
    unit_column: str | None = None
    average: bool = False

    def check(self, table: Table) -> None:
        """Refuse names that the table does not have.

        Raises
        ------
        DatasetError
            For the first of them.
        """
        asked = (
            *self.unit_columns,
            *self.ignore,
            *self.conditions,
            *([self.unit_column] if self.unit_column else []),
        )
        if absent := [name for name in asked if name not in table]:
            raise DatasetError(f"There is no column '{absent[0]}'.{suggest(absent[0], table)}")


def renamed(table: Table, asked: Asked) -> Table:
    """The table with the names that this package uses for what it needs, and features as circuits know them.

    Raises
    ------
    DatasetError
        If two columns could be the same.
    """
    kept = (*asked.unit_columns, *asked.features, *asked.ignore, *asked.conditions)
    names: dict[str, str] = {asked.unit_column: "unit"} if asked.unit_column else {}
    for name in table:
        known = meaning(name)
        if name in names or name in kept or name.startswith(PREFIX):
            continue
        if known in ESSENTIAL:
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
    return {becomes if clear[name] else name: table[name] for name, becomes in zip(table, short, strict=True)}


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
    columns = [_named_role(name, values, asked) or Column(name, Role.FEATURE, "") for name, values in table.items()]
    told = any(c.role is Role.CONDITION or (c.role is Role.FEATURE and c.why) for c in columns)
    open_ = [c.name for c in columns if not c.why]
    return [c if c.why else _numeric_role(c.name, table[c.name], unit, told or len(open_) > 1) for c in columns]


def _named_role(name: str, values: pd.Series, asked: Asked) -> Column | None:
    """The role that a name, the user or text gives; None for numbers that have to be looked at."""
    if name in asked.ignore:
        return Column(name, Role.IGNORED, "as asked")
    if name in asked.features:
        return Column(name, Role.FEATURE, "as asked")
    if name in asked.unit_columns:
        return Column(name, Role.PROPERTY, "as asked")
    if name.startswith(PREFIX) or name in UNIT_COLUMNS:
        return Column(name, Role.PROPERTY, "by its name")
    by_name = {Meaning.UNIT: Role.UNIT, Meaning.CONDITION: Role.CONDITION, Meaning.TRIAL: Role.TRIAL}
    by_name |= dict.fromkeys((Meaning.RATE, Meaning.RATE_VAR, Meaning.N_TRIALS), Role.ENTRY)
    by_name |= dict.fromkeys((Meaning.SESSION, Meaning.PROPERTY), Role.PROPERTY)
    known = meaning(name)
    if known is not None and known in by_name and (known not in ESSENTIAL or name == str(known)):
        return Column(name, by_name[known], "by its name")
    if known is Meaning.COUNTER and counts_rows(values):
        return Column(name, Role.IGNORED, "it counts rows")
    if is_text(values):
        return Column(name, Role.PROPERTY, "text")
    return None


def check_names(table: Table, asked: Asked) -> None:
    """Refuse columns without a name, except for one that counts rows.

    Raises
    ------
    DatasetError
        For the first of them.
    """
    for i, (name, values) in enumerate(table.items(), start=1):
        if is_unnamed(name) and name not in (*asked.ignore, asked.unit_column) and not counts_rows(values):
            raise DatasetError(f"Column {i} has no name: name it, or remove it if it only counts rows.")


def counts_rows(values: pd.Series) -> bool:
    """Whether a column holds different whole numbers without a gap, as an index does, in any order."""
    if is_text(values) or len(values) < 2:
        return False
    numbers = np.sort(parse_numbers(values))
    return bool(np.isfinite(numbers).all() and (np.diff(numbers) == 1).all() and numbers[0] in (0, 1))


def _numeric_role(name: str, values: pd.Series, unit: np.ndarray, others: bool) -> Column:
    """What a column of numbers is, by how it varies within units."""
    numbers = parse_numbers(values)
    frame = pd.DataFrame({"unit": unit, "value": numbers})
    distinct = np.bincount(frame.drop_duplicates()["unit"].to_numpy())
    n_units, n_distinct = len(distinct), len(pd.unique(numbers))
    settle = SETTLE.format(f"'{name}'" if " " in name else name)
    known = meaning(name)
    if (distinct > 1).any():
        of_rows = n_distinct == len(frame) > n_units > 1 and known is not Meaning.FEATURE
        if known is Meaning.IDENTIFIER or of_rows:
            what = "is called like an identifier" if known is Meaning.IDENTIFIER else "has another value in every row"
            raise DatasetError(f"Column '{name}' {what}, which tells rows apart and not stimuli: {settle}.")
        return Column(name, Role.FEATURE, "numbers that vary within units")
    if n_distinct == 1 and known is Meaning.FEATURE:
        return Column(name, Role.FEATURE, "by its name; it has one value only")
    repeated = len(frame) > n_units
    if repeated and n_distinct > 1 and known is not Meaning.FEATURE:
        return Column(name, Role.PROPERTY, "one value within every unit")
    if not repeated and (known is Meaning.FEATURE or (not others and known is not Meaning.IDENTIFIER)):
        return Column(name, Role.FEATURE, "numbers, and a row for every unit")
    why = "has the same value in every row" if n_distinct == 1 else "has one value within every unit"
    raise DatasetError(f"Column '{name}' {why}, so that it cannot be told what it is: {settle}.")
