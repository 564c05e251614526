"""The layout of a table with a row for every trial, and a column of rates for every unit."""

import numpy as np

from tuneful.curves import DatasetError
from tuneful.readers.columns import Table, is_text, parse_numbers
from tuneful.readers.intervals import choices
from tuneful.readers.names import Meaning, meaning
from tuneful.readers.reading import Reading
from tuneful.readers.roles import Asked, Column, Role, no_column
from tuneful.readers.trials import Trials, from_trials


def from_trial_rows(table: Table, asked: Asked) -> Reading:
    """The dataset of a table of trials; columns of numbers whose names say nothing else are units.

    Parameters
    ----------
    table
        With the names of `tuneful.readers.roles.renamed`.
    asked
        Which columns tell the conditions apart (`conditions`), and which are left out.

    Raises
    ------
    DatasetError
        If it is not said which columns tell the conditions apart, or if it cannot be told what a column is.
    """
    conditions = [*asked.conditions, *asked.features]
    others = {name: v for name, v in table.items() if name not in (*conditions, *asked.ignore)}
    if not conditions:
        raise DatasetError(
            "It is not said which columns of this table of trials tell the conditions apart: say --conditions "
            f"(conditions=...), {choices(others)}."
        )
    if absent := [name for name in conditions if name not in table]:
        raise no_column(absent[0], table)
    told = {name: Column(name, Role.IGNORED, "as asked") for name in asked.ignore}
    told |= {name: _other(name, others) for name in others}
    units = [name for name in others if told[name].role is Role.ENTRY]
    if not units:
        raise DatasetError(f"No column of this table of trials holds rates of a unit (found: {', '.join(table)}).")
    rates = np.stack([parse_numbers(table[name]) for name in units], axis=1)
    shown = {name: table[name] for name in conditions}
    found = from_trials(Trials(rates, shown, units, rate_unit=asked.rate_unit))
    told |= {column.name: column for column in found.columns}
    return Reading(found.dataset, [told[name] for name in table], found.notes)


def _other(name: str, others: Table) -> Column:
    """What a column is that tells no conditions apart."""
    known = meaning(name)
    if known in (Meaning.TRIAL, Meaning.COUNTER):
        return Column(name, Role.TRIAL, "by its name")
    if known in (None, Meaning.UNIT) and not is_text(others[name]):
        return Column(name, Role.ENTRY, "rates of a unit, one a trial")
    what = "is text" if known is None else f"is called like a {known}"
    raise DatasetError(
        f"Column '{name}' of a table of trials {what} and no rates of a unit: add it to the conditions, or leave it "
        f"out with --option ignore={name}."
    )
