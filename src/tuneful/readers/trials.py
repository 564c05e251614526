"""Trials, one a row: rates of all units in each, and what was shown, averaged over the trials of a condition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError, make_dataset
from tuneful.readers.columns import Table, as_text, is_present, is_text, parse, parse_numbers
from tuneful.readers.dropping import dropped_from_table, drops_of
from tuneful.readers.names import Meaning, feature_name, meaning, measured_in
from tuneful.readers.reading import Reading
from tuneful.readers.repeats import averaged, numbered
from tuneful.readers.roles import Column, Role

ROW = "\0row"  # a column beside those of a user, which no file can name so


@dataclass(frozen=True)
class Trials:
    """What was measured in every trial.

    rates
        (trials, units), Hz; NaN where a unit was not observed.
    conditions
        What was shown, name -> one value a trial: numbers are features, text is the label of a condition.
    unit_labels, units
        Labels and properties of the units, one value a unit.
    rate_unit
        That of the responses.
    notes
        What was decided before.
    """

    rates: np.ndarray
    conditions: Mapping[str, Any]
    unit_labels: Sequence[str] | np.ndarray | None = None
    units: Mapping[str, Any] | None = None
    rate_unit: str = "Hz"
    notes: Sequence[str] = ()


def from_trials(trials: Trials) -> Reading:
    """The dataset of trials: mean, variance and number of trials of every unit in every condition.

    Means are those of the rates of single trials, variances are divided by n - 1 (NaN for one trial). Conditions are
    sorted. Units that were observed in no trial are left out, and that is noted.

    Parameters
    ----------
    trials
        Rates, conditions and units.

    Raises
    ------
    DatasetError
        If lengths do not match, a trial does not say its condition, or nothing was measured.

    >>> found = from_trials(Trials(np.array([[4.0], [6.0], [1.0]]), {"size": [2, 2, 0.5]})).dataset
    >>> found["rate"].values, found["n_trials"].values
    (array([[1., 5.]]), array([[1., 2.]]))
    """
    rates = np.asarray(trials.rates, float)
    table = _table(trials.conditions, len(rates))
    keys, columns = _keys(table)
    observed = np.asarray(~np.isnan(rates).all(axis=0))
    if not observed.any():
        raise DatasetError(
            f"In none of the {len(rates)} trials is there a response of any of the units: are they empty?"
        )
    condition, first = numbered(keys, sort=True)
    shape = (rates.shape[1], int(condition.max()) + 1)
    place = np.arange(shape[0])[:, None] * shape[1] + condition
    entries = averaged({"rate": rates.T.ravel()}, place.ravel(), shape)
    shown = np.asarray(~np.isnan(entries["rate"]).all(axis=0))  # no unit was observed in the others
    dataset = make_dataset(
        entries["rate"][np.ix_(observed, shown)],
        {name: values[first][shown] for name, values in keys.items()},
        {name: _of(name, values, observed) for name, values in (trials.units or {}).items()},
        None if trials.unit_labels is None else _of("unit", trials.unit_labels, observed),
        entries["rate_var"][np.ix_(observed, shown)],
        entries["n_trials"][np.ix_(observed, shown)],
        rate_unit=trials.rate_unit,
    )
    for name in table:
        if (measure := measured_in(name)) and feature_name(name) in dataset.coords:
            dataset[feature_name(name)].attrs["units"] = measure
    return Reading(dataset, [*_of_units(trials), *columns], [*trials.notes, *_lost(trials, observed, shown)])


def kept(
    conditions: Mapping[str, Any], others: Mapping[str, Any], n_trials: int, drop: str | Sequence[str]
) -> tuple[np.ndarray, Mapping[str, Any]]:
    """Which trials are kept, and what tells their conditions apart.

    Parameters
    ----------
    conditions
        Name -> one value a trial.
    others
        What else is known of trials, by which some may be left out.
    n_trials
        Their number.
    drop
        What is left out: trials with a value (``contrast=0``; ``contrast=`` where it is missing), or a condition.

    Returns
    -------
    Numbers of the trials, and conditions of these.

    Raises
    ------
    DatasetError
        If lengths do not match, or there is nothing like that to leave out.

    >>> kept({"size": [1, 2, 4]}, {"correct": [1, 0, 1]}, 3, "correct=0")[0]
    array([0, 2])
    """
    drops = drops_of(drop)
    named = {
        n: v
        for n, v in others.items()
        if n not in conditions and any(d.value is not None and d.is_of(n) for d in drops)
    }
    table = _table(dict(conditions) | named, n_trials) | {ROW: pd.Series(range(n_trials))}
    table, left_out = dropped_from_table(table, drops)
    rows = parse(table.pop(ROW))
    shown = {name: table[name].to_numpy() for name in conditions if str(name) not in left_out}
    if not shown:
        raise DatasetError("Nothing is left that tells the conditions of trials apart: leave out less.")
    return rows, shown


def _table(conditions: Mapping[str, Any], n_trials: int) -> Table:
    """What was shown as columns of one value a trial."""
    if not conditions:
        raise DatasetError("Nothing says which condition a trial was of: give conditions, name -> one value a trial.")
    if n_trials == 0:
        raise DatasetError("There are no trials: is the source the right one?")
    table = {}
    for name, values in conditions.items():
        column = pd.Series(np.asarray(values), name=str(name)) if np.ndim(values) == 1 else None
        if column is None or len(column) != n_trials:
            raise DatasetError(
                f"The condition '{name}' has shape {np.shape(values)} and there are {n_trials} trials: give one "
                "value for each."
            )
        table[str(name)] = column
    return table


def _keys(table: Table) -> tuple[dict[str, np.ndarray], list[Column]]:
    """What tells the conditions apart: features, and one label of all that is text."""
    columns = [Column(name, _role(values), "one value a trial") for name, values in table.items()]
    for name, values in table.items():
        missing = values.isna() | ~is_present(as_text(values))
        if missing.any():
            raise DatasetError(
                f"Trial {int(missing.argmax()) + 1} has no value of '{name}' ({int(missing.sum())} of {len(values)} "
                f"trials have none): leave them out with --drop {name}= (drop='{name}='), or give a blank numbers."
            )
    keys = {}
    for column in columns:
        if column.role is Role.FEATURE:
            if (name := feature_name(column.name)) in keys:
                raise DatasetError(f"Two of the conditions of trials are called '{name}': rename one.")
            keys[name] = _numbers(table[column.name])
    labels = [as_text(table[c.name]) for c in columns if c.role is Role.CONDITION]
    if labels:
        keys["condition"] = np.array([", ".join(parts) for parts in zip(*labels, strict=True)])
    return keys, columns


def _role(values: pd.Series) -> Role:
    """Numbers, and yes and no, are features; labels that are called as such are labels, also if they are numbers."""
    if meaning(str(values.name)) is Meaning.CONDITION:
        return Role.CONDITION
    return Role.CONDITION if parse(values).dtype.kind != "b" and is_text(values) else Role.FEATURE


def _numbers(values: pd.Series) -> np.ndarray:
    found = parse(values)
    return found.astype(float) if found.dtype.kind == "b" else parse_numbers(values)


def _of(name: str, values: Any, observed: np.ndarray) -> np.ndarray:
    """The values of units that were observed."""
    if np.shape(values) != observed.shape:
        raise DatasetError(
            f"'{name}' has shape {np.shape(values)} and there are {len(observed)} units: give one value for each."
        )
    return np.asarray(values)[observed]


def _of_units(trials: Trials) -> list[Column]:
    labels = [] if trials.unit_labels is None else [Column("unit", Role.UNIT, "the source labels them so")]
    return labels + [Column(name, Role.PROPERTY, "one value a unit") for name in trials.units or {}]


def _lost(trials: Trials, observed: np.ndarray, shown: np.ndarray) -> list[str]:
    """Sentences on units and conditions without an observation."""
    notes = []
    if (n := int((~observed).sum())) > 0:
        notes.append(f"{n} of {len(observed)} units were observed in no trial, and are left out.")
    if (n := int((~shown).sum())) > 0:
        notes.append(f"{n} of {len(shown)} conditions were shown while no unit was observed, and are left out.")
    return notes
