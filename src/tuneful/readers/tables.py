"""Datasets as tables: text files and pandas objects, in one of three layouts.

Long: one measurement a row. ``unit`` and ``rate`` (and perhaps ``rate_var``, ``n_trials``) are what they say, in
small or capital letters, with a unit of measurement (``Rate (Hz)``), or as synonyms (``neuron``, ``firing_rate``).
``condition`` holds labels. Text, columns that are called after what describes cells (``session``, ``area``,
``cell_type``, ``depth``, ...), columns called ``unit.NAME`` and numbers that do not vary within units are properties
of units. Numbers that vary within units are stimulus features::

    unit,area,size,rate
    a,V1,0.5,3.2
    a,V1,4,1.1

Wide: one unit a row, one condition a column. Headers are features (``x=-1;y=0;z=1``) or plain labels of
conditions; the other columns are ``unit`` and properties of units as above::

    unit,area,size=0.5,size=4
    a,V1,3.2,1.1

Trials (``layout="trials"``, which is never guessed): one trial a row, one unit a column; ``conditions`` names the
columns that say what was shown::

    trial,size,u1,u2
    1,0.5,3.2,0.0
    2,4,1.1,2.0

What counts rows is left out, what counts trials is averaged if that is asked, and what cannot be told is refused
with the option that settles it. Empty cells and the usual words for it (NaN, NA, ``-``) are "not measured". Text is
stripped of spaces around it, and a property whose text looks like numbers is read as numbers (but not codes like
``007``). A table keeps values, labels and properties; attributes (source, units, statistics) are kept by NetCDF only.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, validate
from tuneful.curves import features as features_of
from tuneful.curves.schema import unit_called
from tuneful.errors import suggest
from tuneful.files import write_atomically
from tuneful.readers.columns import Table, as_text, is_present
from tuneful.readers.delimited import feature_header, read_cells
from tuneful.readers.dropping import dropped_from_table, drops_of
from tuneful.readers.frames import flattened
from tuneful.readers.long import from_long, to_long
from tuneful.readers.names import feature_name, is_unnamed, measured_in
from tuneful.readers.reading import Reading
from tuneful.readers.roles import Asked, Column, Role, check_names, renamed
from tuneful.readers.trial_tables import from_trial_rows
from tuneful.readers.wide import from_wide, to_wide

WRITERS = {"long": to_long, "wide": to_wide}
READERS = {"long": from_long, "wide": from_wide, "trials": from_trial_rows}
Names = str | Sequence[str]
OF_TEXT = ("source", "separator", "decimal")  # what tables of other files do not take


def read_table(
    source: str | Path | pd.DataFrame | pd.Series,
    layout: str | None = None,
    unit_columns: Names = (),
    features: Names = (),
    ignore: Names = (),
    conditions: Names = (),
    unit_column: str | None = None,
    average: bool = False,
    separator: str | None = None,
    decimal: str | None = None,
    drop: Names = (),
    rate_unit: str | None = None,
) -> Reading:
    """The validated dataset of a table, laid out as this module says, and the role of every column.

    Parameters
    ----------
    source
        A text file, or a table of pandas; an index that is not just a count labels the units of a wide table without
        ``unit`` column. Levels of an index with names are columns, and columns with names for their levels are
        conditions (as `pivot` and `unstack` make them).
    layout
        "long", "wide" or "trials"; by default long if there is a column ``rate``, and wide otherwise.
    unit_columns, features, ignore, conditions
        Columns that hold properties of units; that are stimulus features of a long table (or the one feature that the
        headers of a wide one are numbers of); that are left out; that hold the rates of one condition each (or, in a
        table of trials, say what was shown). Lists, or names separated by commas.
    unit_column
        The column with the labels of units, if it is not called as such.
    average
        Whether repeated rows of one unit and one condition are averaged, to ``rate``, ``rate_var`` and ``n_trials``.
    separator, decimal
        Of text, see `read_cells`.
    drop
        Conditions that are left out (``size=0``), and features (``size``), as a list or with commas between them.
    rate_unit
        "Hz", "events" or "a.u."; by default what the column ``rate`` says, ``rate (a.u.)``, or Hz.

    Raises
    ------
    DatasetError
        If columns are missing, given twice, mistyped or of a role that cannot be told, or a measurement occurs twice;
        if a file is no table, or an option does not apply to the source.
    """
    if isinstance(source, (str, Path)):
        frame = read_cells(Path(source), separator, decimal)
    elif separator is None and decimal is None:
        frame = flattened(source)
    else:
        raise DatasetError("The options 'separator' and 'decimal' apply to text only, and not to a table of pandas.")
    if frame.empty:
        raise DatasetError("The table is empty: it has no rows or no columns. Is the source the right one?")
    original, dropped = dropped_from_table(_columns(frame), drops_of(drop))
    of_units, stimuli, ignored, rates = map(_listed, (unit_columns, features, ignore, conditions))
    if average not in (True, False):
        raise DatasetError(f"The option average is true or false, and not {average!r}.")
    label = None if unit_column is None else str(unit_column)
    asked = Asked(of_units, stimuli, (*ignored, *dropped), rates, label, bool(average)).of(original)
    check_names(original, asked)
    table, known = renamed(original, asked)
    called: dict[str, str] = dict(zip(table, original, strict=True))
    known = replace(known, rate_unit=_unit(called.get("rate", "rate"), rate_unit))
    if layout is None:
        layout = "long" if "rate" in table else "wide"
    reading: Reading = _of(READERS, layout)(table, known)
    columns = [Column(called.get(c.name, c.name), c.role, c.why) for c in reading.columns]
    counters = [c for c in columns if c.role is Role.IGNORED and c.name not in asked.ignore]
    notes = [*reading.notes, *(f"{_shown(c.name)} was left out: {c.why}." for c in counters)]
    return Reading(_with_measures(reading.dataset, original), columns, notes)


def read_frame(frame: pd.DataFrame, options: Mapping[str, Any], more: Sequence[str] = ()) -> Reading:
    """What `read_table` makes of a table that was in a file of another kind, with its options.

    Parameters
    ----------
    frame
        The table.
    options
        Those of `read_table`, but for those of text.
    more
        Options that the reader of the file takes besides.

    Raises
    ------
    DatasetError
        For an option that is not known, or see `read_table`.
    """
    known = [*more, *(name for name in inspect.signature(read_table).parameters if name not in OF_TEXT)]
    if unfit := [name for name in options if name not in known]:
        raise DatasetError(
            f"The option '{unfit[0]}' does not apply to this source, which takes only {', '.join(known)}."
        )
    return read_table(frame, **options)


def from_frame(
    frame: pd.DataFrame | pd.Series, layout: str | None = None, unit_columns: Names = (), **options: Any
) -> xr.Dataset:
    """The validated dataset of a table of pandas; arguments and errors as in `read_table`.

    >>> table = pd.DataFrame({"unit": ["a", "a", "b"], "size": [0.5, 4, 4], "rate": [3.2, 1.1, 0.7]})
    >>> from_frame(table)["rate"].values
    array([[3.2, 1.1],
           [nan, 0.7]])
    """
    return read_table(frame, layout, unit_columns, **options).noted


def to_frame(dataset: xr.Dataset, layout: str = "long") -> pd.DataFrame:
    """A valid dataset as a table that `from_frame` reads back, apart from attributes.

    Raises
    ------
    DatasetError
        If the layout is unknown, or "wide" cannot hold what the dataset has.

    >>> from tuneful.curves import make_dataset
    >>> to_frame(make_dataset([[3.2, 1.1]], {"size": [0.5, 4]}), "wide")
      unit  size=0.5  size=4.0
    0   u0       3.2       1.1
    """
    return _of(WRITERS, layout)(validate(dataset))


def write_table(dataset: xr.Dataset, path: str | Path, layout: str = "long") -> None:
    """Write a valid dataset as ``.csv`` or ``.tsv``; attributes are not kept."""
    try:
        write_atomically(path, to_frame(dataset, layout).to_csv(sep=_separator(path), index=False))
    except OSError as error:
        raise DatasetError(f"'{path}' could not be written ({error}): check the folder.") from error


def _separator(path: str | Path) -> str:
    return "\t" if Path(path).suffix.lower() in (".tsv", ".txt") else ","


def _of(layouts: dict[str, Callable], layout: str) -> Callable:
    if not isinstance(layout, str) or layout not in layouts:
        raise DatasetError(f"There is no layout '{layout}'.{suggest(str(layout), layouts)}")
    return layouts[layout]


def _shown(name: str) -> str:
    return "A column without a name" if is_unnamed(name) else f"Column '{name}'"


def _columns(frame: pd.DataFrame) -> Table:
    named = [feature_header(str(name)) for name in frame.columns]
    kept = [i for i, name in enumerate(named) if not (is_unnamed(name) and _is_empty(frame.iloc[:, i]))]
    names = [named[i] for i in kept]
    if twice := [name for name in names if names.count(name) > 1]:
        if is_unnamed(twice[0]):
            raise DatasetError("Several columns have no name: name them, and remove what stands above the names.")
        raise DatasetError(f"Two columns are called '{twice[0]}': rename or average them.")
    table = {name: frame.iloc[:, i].rename(name) for i, name in zip(kept, names, strict=True)}
    if unreal := [name for name, column in table.items() if pd.api.types.is_complex_dtype(column)]:
        raise DatasetError(f"Column '{unreal[0]}' holds complex numbers: give real ones.")
    return table


def _is_empty(column: pd.Series) -> bool:
    """Whether there is nothing in it, as in columns that spreadsheets write beside a table."""
    return not is_present(as_text(column)).any()


def _listed(names: Names) -> tuple[str, ...]:
    """Names given as a list, or as text with commas between them."""
    if isinstance(names, str):
        names = names.split(",")
    if not isinstance(names, (list, tuple, set)):
        raise DatasetError(f"Columns are given by their names, such as depth,layer, and not as {names!r}.")
    return tuple(str(name).strip() for name in names)


def _unit(name: str, asked: str | None) -> str:
    """The unit of responses that is asked for, or that the name of their column says."""
    if asked is not None:
        return unit_called(str(asked))
    measure = measured_in(name) or "Hz"
    try:
        return unit_called(measure)
    except DatasetError as error:
        raise DatasetError(f"The column '{name}' is in {measure}. {error}") from error


def _with_measures(dataset: xr.Dataset, original: Table) -> xr.Dataset:
    """Features with the units of measurement that their columns named."""
    for name in original:
        feature = feature_name(name)
        if (measure := measured_in(name)) and feature in features_of(dataset) and "=" not in name:
            dataset[feature].attrs["units"] = measure
    return dataset
