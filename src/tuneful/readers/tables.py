"""Datasets as tables: CSV and TSV files and pandas DataFrames, in one of two layouts.

Long: one measurement a row. ``unit`` and ``rate`` (and perhaps ``rate_var``, ``n_trials``) are what they say,
``session``, ``area``, ``cell_type``, columns of text and columns called ``unit.NAME`` are properties of the
unit, ``condition`` holds labels, and every other column of numbers is a stimulus feature::

    unit,area,size,rate
    a,V1,0.5,3.2
    a,V1,4,1.1

Wide: one unit a row, one condition a column. Headers are features (``x=-1;y=0;z=1``) or plain labels of
conditions; the other columns are ``unit`` and properties of units as above::

    unit,area,size=0.5,size=4
    a,V1,3.2,1.1

Empty cells, NaN and NA are "not measured". Text is stripped of spaces around it, and a property whose text looks
like numbers is read as numbers (but not codes like ``007``). A table keeps values, labels and properties;
attributes (source, units, statistics) are kept by NetCDF only.
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, validate
from tuneful.errors import suggest
from tuneful.files import write_atomically
from tuneful.readers.columns import EXAMPLE, Table
from tuneful.readers.long import from_long, to_long
from tuneful.readers.text import decoded, lines_of
from tuneful.readers.wide import from_wide, to_wide

WRITERS = {"long": to_long, "wide": to_wide}
READERS = {"long": from_long, "wide": from_wide}


def read_table(path: str | Path, layout: str | None = None, unit_columns: Sequence[str] = ()) -> xr.Dataset:
    """The validated dataset of a ``.csv`` or ``.tsv`` file; arguments as in `from_frame`.

    Raises
    ------
    DatasetError
        If the file is empty or not a table, or for anything that `from_frame` and `validate` refuse.
    """
    (_, header), *lines = _read_cells(path) or [(0, [])]
    if not lines:
        raise DatasetError(f"'{path}' {'has a header but no rows' if header else 'is empty'}: expected {EXAMPLE}.")
    for number, line in lines:
        if len(line) != len(header):
            raise DatasetError(
                f"Line {number} of '{path}' has {len(line)} cells where the header has {len(header)}: is the file "
                f"complete, and separated by {'tabs' if _separator(path) != ',' else 'commas'}?"
            )
    names = [name.strip() for name in header]
    return from_frame(pd.DataFrame([line for _, line in lines], columns=pd.Index(names)), layout, unit_columns)


def from_frame(frame: pd.DataFrame, layout: str | None = None, unit_columns: Sequence[str] = ()) -> xr.Dataset:
    """The validated dataset of a table, laid out as this module says.

    Parameters
    ----------
    frame
        The table; an index that is not just a count labels the units of a wide table without ``unit`` column.
    layout
        "long" or "wide"; by default long if there is a column ``rate``.
    unit_columns
        Further columns that hold properties of units, not features or conditions.

    Raises
    ------
    DatasetError
        If columns are missing, given twice or mistyped, or a measurement occurs twice.

    >>> table = pd.DataFrame({"unit": ["a", "a", "b"], "size": [0.5, 4, 4], "rate": [3.2, 1.1, 0.7]})
    >>> from_frame(table)["rate"].values
    array([[3.2, 1.1],
           [nan, 0.7]])
    """
    table = _columns(frame)
    if absent := [name for name in unit_columns if name not in table]:
        raise DatasetError(f"There is no column '{absent[0]}'.{suggest(absent[0], table)}")
    return _of(READERS, layout or ("long" if "rate" in table else "wide"))(table, set(unit_columns))


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


def _read_cells(path: str | Path) -> list[tuple[int, list[str]]]:
    """Line numbers and cells; lines of empty cells are left out, as spreadsheets write them at the end."""
    try:
        lines = lines_of(decoded(Path(path).read_bytes()), _separator(path))
        return [(number, cells) for number, cells in lines if any(map(str.strip, cells))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"'{path}' could not be read as a text table ({error}): expected {EXAMPLE}.") from error


def _separator(path: str | Path) -> str:
    return "\t" if Path(path).suffix.lower() == ".tsv" else ","


def _of(layouts: dict[str, Callable], layout: str) -> Callable:
    if layout not in layouts:
        raise DatasetError(f"There is no layout '{layout}'.{suggest(str(layout), layouts)}")
    return layouts[layout]


def _columns(frame: pd.DataFrame) -> Table:
    names = [str(name) for name in frame.columns]
    if "" in names:
        raise DatasetError(f"Column {names.index('') + 1} has no name: name it, or remove it if it only counts rows.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise DatasetError(f"Two columns are called '{twice[0]}': rename or average them.")
    table = {name: frame.iloc[:, i].rename(name) for i, name in enumerate(names)}
    if "unit" not in table and not isinstance(frame.index, pd.RangeIndex):
        table = {"unit": pd.Series(frame.index, index=frame.index, name="unit")} | table
    return table
