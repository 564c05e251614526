"""Neurodata Without Borders: spikes of the table of units, counted in the trials of a table of intervals.

Read by h5py alone: the layout of tables in NWB 2 is published and stable, and files with extensions, which pynwb
needs installed, are read as well. What is no table of units or intervals, such as raw recordings, is not looked at.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tuneful.curves import DatasetError
from tuneful.errors import suggest
from tuneful.readers.hdf5 import opened
from tuneful.readers.inspection import RAGGED, columns_of_tables
from tuneful.readers.intervals import Intervals, choices
from tuneful.readers.reading import Reading
from tuneful.readers.spike_trains import SpikeTrains, ascending
from tuneful.readers.spikes import read_spikes

Columns = dict[str, np.ndarray]
TRIALS = "trials"
OF_INTERVALS = ("id", "start_time", "stop_time", "tags", "timeseries")


def read_nwb(
    path: str | Path,
    conditions: str | Sequence[str] = (),
    window: Sequence[float] | str | None = None,
    align: str | None = None,
    table: str | None = None,
    unit_column: str | None = None,
    drop: str | Sequence[str] = (),
) -> Reading:
    """The validated dataset of an NWB file: spikes counted in trials, averaged over conditions.

    Parameters
    ----------
    path
        The file, NWB 2 in HDF5.
    conditions
        Columns of the trials that tell the conditions apart, a list or names with commas between them: numbers are
        stimulus features, text is a label.
    window
        (from, to) in seconds after the start of each trial, in which spikes are counted; by default from
        ``start_time`` to ``stop_time``.
    align
        The column with the times from which `window` counts, if that is not ``start_time``.
    table
        Which table of intervals, if not ``trials``, or the only one.
    unit_column
        The column of units with their labels, if not ``id``.
    drop
        Trials that are left out, by any of their columns: ``correct=0``, ``contrast=`` (where it is missing).

    Raises
    ------
    DatasetError
        If there are no units with spike times or no trials, or if it is not said what tells conditions apart; what
        there is to choose from is listed.
    """
    path = Path(path)
    if not h5py.is_hdf5(path):
        raise DatasetError(f"'{path}' is no HDF5 file, as NWB files are: is it complete?")
    with opened(path, tables=True) as file:
        tables = _tables(file)
    trains = _trains(path, tables.pop("units", {}), unit_column)
    name, columns = _chosen(path, tables, table)
    shown = {key: values for key, values in columns.items() if key not in OF_INTERVALS}
    if not conditions:
        raise DatasetError(
            f"'{path}' does not say which columns of its {name} tell the conditions apart: say --conditions "
            f"(conditions=...), {choices(shown)}."
        )
    for needed in ("start_time", "stop_time"):
        if needed not in columns or columns[needed].dtype.kind not in "iuf":
            raise DatasetError(f"'{path}': its {name} have no numbers '{needed}': is it written by pynwb or MatNWB?")
    start = columns["start_time"] if align is None else _aligned(path, columns, align, window)
    return read_spikes(trains, Intervals(start, columns["stop_time"], columns), conditions, _window(window), drop)


def _tables(file: h5py.File) -> dict[str, Columns]:
    """Columns of all tables: units, and intervals by their names."""
    tables: dict[str, Columns] = {}
    for where, column in columns_of_tables(file):
        table, name = where.removeprefix("intervals/").rsplit("/", 1)
        is_text = h5py.check_string_dtype(column.dtype) is not None
        values = np.asarray(column.asstr(errors="replace")[()] if is_text else column[()])
        if not values.ndim:
            raise DatasetError(f"'{file.filename}': '{where}' is one value and no column: save the table anew.")
        tables.setdefault(table, {})[name] = values
    return tables


def _trains(path: Path, units: Columns, unit_column: str | None) -> SpikeTrains:
    """Spike trains of the table of units."""
    if not {"id", "spike_times", "spike_times_index"} <= set(units):
        raise DatasetError(
            f"'{path}' has no table of units with spike times (found: {', '.join(units) or 'no units'}): is it NWB "
            "2, and was it sorted?"
        )
    n_units = len(units["id"])
    plain = {name: v for name, v in units.items() if name.removesuffix("_index") not in RAGGED}
    if wrong := [name for name, values in plain.items() if len(values) != n_units]:
        raise DatasetError(
            f"'{path}': its units have {len(plain[wrong[0]])} values of '{wrong[0]}' and {n_units} of id."
        )
    labels = plain.pop("id")
    if unit_column is not None:
        if unit_column not in plain:
            raise DatasetError(f"'{path}': its units have no column '{unit_column}'.{suggest(unit_column, plain)}")
        labels = plain.pop(unit_column)
    times = _rows(path, units, "spike_times", n_units)
    observed = _rows(path, units, "obs_intervals", n_units) if "obs_intervals" in units else None
    if n_units == 0:
        raise DatasetError(f"'{path}' has no units: was it sorted?")
    trains = [ascending(str(label), train) for label, train in zip(labels, times, strict=True)]
    return SpikeTrains(labels.astype(str), trains, plain, observed)


def _rows(path: Path, units: Columns, name: str, n_units: int) -> list[np.ndarray]:
    """A column with several values a row, whose index says where each row ends."""
    ends, values = units.get(f"{name}_index", np.zeros(0)), units[name]
    whole = ends.dtype.kind in "iu" and len(ends) == n_units
    if not whole or (np.diff(ends.astype(np.int64), prepend=0) < 0).any() or (n_units and ends[-1] != len(values)):
        raise DatasetError(f"'{path}': the index of '{name}' does not fit its {len(values)} values: is it complete?")
    return np.split(values, ends[:-1].astype(np.int64))[:n_units]


def _chosen(path: Path, tables: Mapping[str, Columns], asked: str | None) -> tuple[str, Columns]:
    """The table of intervals that is asked for, or called trials, or the only one."""
    name = asked or (TRIALS if TRIALS in tables else next(iter(tables)) if len(tables) == 1 else None)
    if not tables:
        raise DatasetError(f"'{path}' has no table of intervals, such as trials: give spikes to tuneful.from_spikes.")
    if name is None or name not in tables:
        what = "has several tables of intervals" if name is None else f"has no table of intervals '{name}'"
        raise DatasetError(f"'{path}' {what}: say table=... (--option), one of {', '.join(tables)}.")
    if wrong := [key for key, v in tables[name].items() if len(v) != len(tables[name].get("start_time", v))]:
        raise DatasetError(f"'{path}': its {name} have another number of values of '{wrong[0]}' than of start_time.")
    return name, tables[name]


def _aligned(path: Path, columns: Columns, align: str, window: Any) -> np.ndarray:
    if window is None:
        raise DatasetError(f"align={align} says from when a window counts: say --window, such as --window 0.05 0.3.")
    times = {name: values for name, values in columns.items() if values.dtype.kind in "iuf" and name != "id"}
    if align not in times:
        raise DatasetError(f"'{path}': its trials have no column of times '{align}'.{suggest(align, times)}")
    return times[align]


def _window(window: Any) -> Any:
    return window.split(",") if isinstance(window, str) else window
