"""Spikes and the intervals of trials: spikes are counted in every trial, and trials averaged over conditions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import DatasetError
from tuneful.readers.intervals import Intervals, conditions_of, intervals_of, response_windows
from tuneful.readers.reading import Reading
from tuneful.readers.spike_trains import SpikeTrains, trains_of
from tuneful.readers.trials import Trials, from_trials, kept

FEW = 0.02  # of the spikes: recordings begin before the trials and end after them


def from_spikes(
    spikes: Any,
    intervals: Any,
    conditions: Any,
    *,
    window: Sequence[float] | None = None,
    units: Mapping[str, Any] | None = None,
    drop: str | Sequence[str] = (),
) -> xr.Dataset:
    """Tuning curves of spikes: rates in every trial, their mean, variance and number in every condition.

    The rate of a trial is the number of spikes at start <= t < end over its duration, in Hz. What was decided on the
    way is kept in the attribute ``notes``.

    Parameters
    ----------
    spikes
        Times in seconds: a mapping from labels of units to arrays, a list of arrays, a ``TsGroup`` of pynapple (whose
        metadata become properties of units, and outside of whose time support no trial is used), or a table of units
        with a column ``spike_times``, such as ``nwbfile.units``.
    intervals
        Of the trials, in seconds: an array (trials, 2), a pair (starts, ends), an ``IntervalSet`` of pynapple, or a
        table with columns ``start`` and ``end`` (or ``start_time`` and ``stop_time``), such as ``nwbfile.trials``.
    conditions
        What was shown: a mapping or a table with one value a trial (numbers are stimulus features, text labels
        conditions), or names of columns of `intervals`.
    window
        (from, to) in seconds after the start of each interval, instead of the whole interval.
    units
        Properties of units, name -> one value a unit.
    drop
        Trials that are left out, by a condition (``"contrast=0"``; ``"contrast="`` where it is missing) or another
        column of the intervals (``"correct=0"``), and conditions.

    Raises
    ------
    DatasetError
        If times are not finite numbers, ends are not after starts, numbers of trials do not match, or no spike and no
        trial are at the same time.

    >>> spikes = {"a": [0.1, 0.2, 1.5], "b": [2.3]}
    >>> curves = from_spikes(spikes, [(0, 1), (1, 2), (2, 3)], {"size": [1, 4, 1]})
    >>> curves["rate"].values
    array([[1. , 1. ],
           [0.5, 0. ]])
    """
    return read_spikes(trains_of(spikes, units), intervals_of(intervals), conditions, window, drop).noted


def read_spikes(
    trains: SpikeTrains, intervals: Intervals, conditions: Any, window: Any = None, drop: str | Sequence[str] = ()
) -> Reading:
    """What `from_spikes` does, with the role of every column."""
    shown = conditions_of(conditions, intervals.table)
    rows, shown = kept(shown, intervals.table, len(intervals.start), drop)
    start, end = response_windows(Intervals(intervals.start[rows], intervals.end[rows]), window)
    rates, notes = rates_in(trains, start, end)
    return from_trials(Trials(rates, shown, trains.labels, trains.properties, notes=notes))


def rates_in(trains: SpikeTrains, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Rates of all units in intervals, (trials, units), Hz, NaN where a unit was not observed; and what to say of it.

    Raises
    ------
    DatasetError
        If no spike is in any interval.
    """
    counts = [np.searchsorted(times, end) - np.searchsorted(times, start) for times in trains.times]
    rates = np.stack(counts, axis=1) / (end - start)[:, None]
    if not rates.any():
        raise DatasetError(f"No spike lies within a trial ({_span(trains, start, end)}): are both in seconds?")
    said = list(_seldom_meant(trains, start, end))
    if trains.observed is None:
        return rates, said
    inside = np.stack([_within(spans, start, end) for spans in trains.observed], axis=1)
    if not inside.any():
        raise DatasetError(
            f"No trial lies within the time in which units were observed ({_span(trains, start, end)}): are both in "
            "seconds?"
        )
    gone = int((~inside).sum())
    gaps = (
        f"In {gone:,} of {inside.size:,} pairs of trial and unit the unit was not observed all the time (see its "
        "time support or obs_intervals): they do not count."
    )
    return np.where(inside, rates, np.nan), [*said, *[gaps] * bool(gone)]


def _seldom_meant(trains: SpikeTrains, start: np.ndarray, end: np.ndarray) -> Iterator[str]:
    """What times in milliseconds look like beside others in seconds."""
    times = np.concatenate(trains.times)
    during = float(np.mean((times >= start.min()) & (times <= end.max())))
    if during < FEW:
        yield (
            f"Only {during:.2%} of the spikes are between the first and the last trial "
            f"({_span(trains, start, end)}): are both in seconds?"
        )


def _span(trains: SpikeTrains, start: np.ndarray, end: np.ndarray) -> str:
    times = np.concatenate([times[[0, -1]] for times in trains.times if len(times)] or [np.zeros(0)])
    spikes = f"spikes from {times.min():g} to {times.max():g}" if len(times) else "no unit has a spike"
    return f"{spikes}, trials from {start.min():g} to {end.max():g}"


def _within(spans: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whether each interval lies in one of some spans, (trials,)."""
    spans = np.reshape(spans, (-1, 2))
    return np.any((spans[:, 0] <= start[:, None]) & (end[:, None] <= spans[:, 1]), axis=1)
