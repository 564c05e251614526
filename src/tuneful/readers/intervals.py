"""Intervals of trials, what was shown in each, and the windows in which responses are taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.errors import suggest
from tuneful.readers.members import column_called, metadata_of, scalars_of, table_of

STARTS = ("start", "start_time", "onset", "start_s")
ENDS = ("end", "stop", "end_time", "stop_time", "offset", "stop_s")


@dataclass(frozen=True)
class Intervals:
    """Starts and ends of trials in seconds, (trials,), and what else is known of them, one value a trial."""

    start: np.ndarray
    end: np.ndarray
    table: Mapping[str, Any] = field(default_factory=dict)


def intervals_of(intervals: Any) -> Intervals:
    """Intervals of any object that `from_spikes` takes, in seconds.

    Raises
    ------
    DatasetError
        If starts and ends cannot be told.
    """
    intervals = table_of(intervals)
    if isinstance(intervals, pd.DataFrame):
        start = column_called(intervals, STARTS, "columns start and end")
        end = column_called(intervals, ENDS, "columns start and end")
        others = scalars_of(intervals.drop(columns=[start, end]))
        return Intervals(_seconds(intervals[start]), _seconds(intervals[end]), others)
    if hasattr(intervals, "start") and hasattr(intervals, "end"):
        return Intervals(_seconds(intervals.start), _seconds(intervals.end), metadata_of(intervals, ()))
    is_pair = isinstance(intervals, tuple) and len(intervals) == 2 and np.ndim(intervals[0]) == 1
    if is_pair and len(intervals[0]) == 2:
        raise DatasetError(
            "It cannot be told whether two pairs are two intervals or starts and ends: give an array (trials, 2), "
            "np.array([(start, end), ...])."
        )
    pairs = [_seconds(part) for part in intervals] if is_pair else _seconds(intervals, ndim=2).T
    if len(pairs) != 2 or len(pairs[0]) != len(pairs[1]):
        raise DatasetError("Intervals are an array (trials, 2), or a pair of starts and ends of one length.")
    return Intervals(pairs[0], pairs[1])


def _seconds(values: Any, ndim: int = 1) -> np.ndarray:
    try:
        times = np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise DatasetError("Starts and ends of intervals are numbers, in seconds.") from error
    if times.ndim != ndim:
        raise DatasetError(
            f"Intervals of shape {times.shape} are no starts and ends: give an array (trials, 2), or two arrays."
        )
    return times


def response_windows(intervals: Intervals, window: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends of what counts as the response, (trials,), in seconds.

    Raises
    ------
    DatasetError
        If there are none, or the window or an interval does not end after it begins.
    """
    if len(intervals.start) == 0:
        raise DatasetError("There are no trials: is the source of the intervals the right one?")
    if window is None:
        _check_ends(intervals.start, intervals.end)
        return intervals.start, intervals.end
    try:
        first, last = (float(number) for number in window)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"A window is two numbers in seconds, such as (0.05, 0.3), and not {window!r}.") from error
    if not (np.isfinite([first, last]).all() and first < last):
        raise DatasetError(f"The window from {first:g} to {last:g} s does not end after it begins: give (from, to).")
    _check_finite("start", intervals.start)
    return intervals.start + first, intervals.start + last


def _check_ends(start: np.ndarray, end: np.ndarray) -> None:
    _check_finite("start", start)
    _check_finite("end", end)
    if (bad := np.flatnonzero(end <= start)).size:
        raise DatasetError(
            f"Trial {bad[0] + 1} begins at {start[bad[0]]:g} s and ends at {end[bad[0]]:g} s: ends come after starts "
            "(or give a window after the start)."
        )


def _check_finite(what: str, times: np.ndarray) -> None:
    if (bad := np.flatnonzero(~np.isfinite(times))).size:
        raise DatasetError(f"The {what} of trial {bad[0] + 1} is {times[bad[0]]}: leave such trials out.")


def conditions_of(conditions: Any, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was shown in every trial, name -> values; names are looked up in the table of the trials.

    Raises
    ------
    DatasetError
        If it is none of these, or names are not there; the columns that there are are listed.
    """
    if isinstance(conditions, str):
        conditions = conditions.split(",")
    if isinstance(conditions, Mapping | pd.DataFrame):
        return {str(name): np.asarray(conditions[name]) for name in conditions}
    if isinstance(conditions, pd.Series) and conditions.name is not None:
        return {str(conditions.name): conditions.to_numpy()}
    if not isinstance(conditions, list | tuple) or not all(isinstance(name, str) for name in conditions):
        raise DatasetError(
            "Conditions are a mapping or a table with one value a trial, such as {'contrast': [...]}, or names of "
            f"columns of the intervals, and not a {type(conditions).__name__}."
        )
    names = [name.strip() for name in conditions if name.strip()]
    if not names:
        raise DatasetError(f"Nothing says what was shown: give conditions, {choices(table)}.")
    if absent := [name for name in names if name not in table]:
        raise DatasetError(f"The trials have no column '{absent[0]}'.{suggest(absent[0], table)}")
    return {name: table[name] for name in names}


def choices(table: Mapping[str, Any]) -> str:
    """The columns of trials that may tell conditions apart, each with its number of values.

    >>> choices({"contrast": [20, 80, 20]})
    'one or more of contrast (2 values)'
    """
    shown = [f"{name} ({len(pd.unique(pd.Series(values)))} values)" for name, values in table.items()]
    return f"one or more of {', '.join(shown[:30])}" if shown else "for the trials have no other columns"
