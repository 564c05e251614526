"""Values that a dataset may hold and that are seldom meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tuneful.curves.schema import condition_name, features, rate_unit, unit_name

if TYPE_CHECKING:
    import xarray as xr

FASTEST = 1000.0  # Hz: refractory periods of a millisecond
SLOWEST = 0.1  # Hz: in ten seconds not a spike, in any condition
FEW = 3  # units, whose maxima may be one by chance
CLOSE = 1e-4  # of the range of a feature, or of a maximum
TURN = 360.0  # degrees
NOTHING = ("nan", "na", "n/a", "null", "none", "missing")  # in small letters
REPEATS = ("trial", "trials", "repeat", "repetition", "rep")
ANGLES = ("orientation", "direction", "angle", "phase")


def doubts(dataset: xr.Dataset) -> list[str]:
    """Sentences on values that are allowed and seldom meant, with what to do about them.

    Rates above 1,000 Hz or none above .1 Hz, curves that all have the same maximum, angles that are one direction (0
    and 360 degrees), values of a feature that are nearly one, features that are called like counts of repeats, and
    units like what is missing.

    Parameters
    ----------
    dataset
        A validated one.

    >>> from tuneful.curves import make_dataset
    >>> doubts(make_dataset([[4.0, 2500.0]], {"size": [1, 2]}))[0]
    "The rate of unit 'u0' in condition 1 (size=2.0) is 2500 Hz, above 1000 Hz: are these rates, and in Hz?"
    """
    looks = _fast, _slow, _normalised, _whole_turns, _nearly_equal, _repeats, _nameless
    return [sentence for look in looks for sentence in look(dataset)]


def _fast(dataset: xr.Dataset) -> Iterator[str]:
    rates = dataset["rate"].values
    if rate_unit(dataset) == "Hz" and np.nanmax(rates) > FASTEST:
        unit, condition = np.unravel_index(np.nanargmax(rates), rates.shape)
        yield (
            f"The rate of {unit_name(dataset, int(unit))} in {condition_name(dataset, int(condition))} is "
            f"{rates[unit, condition]:g} Hz, above {FASTEST:g} Hz: are these rates, and in Hz?"
        )


def _slow(dataset: xr.Dataset) -> Iterator[str]:
    highest = np.nanmax(dataset["rate"].values)
    if rate_unit(dataset) == "Hz" and 0 < highest < SLOWEST:
        yield f"No rate is above {highest:.3g} Hz: are these rates, and in Hz?"


def _normalised(dataset: xr.Dataset) -> Iterator[str]:
    """Curves that were divided by their maxima."""
    rates = dataset["rate"].values
    maxima = np.nanmax(rates, axis=1)
    are_alike = len(maxima) > FEW and np.ptp(maxima) <= CLOSE * maxima[0]
    if rate_unit(dataset) == "Hz" and are_alike and np.nanmin(rates) < maxima[0]:
        yield (
            f"The largest rate of every unit is {maxima[0]:g} Hz: if curves were divided by their maxima, give rates "
            "as they were measured, or the unit of what is no rate (rate_unit, a.u.)."
        )


def _whole_turns(dataset: xr.Dataset) -> Iterator[str]:
    for name, values in features(dataset).items():
        if not set(ANGLES) & set(name.lower().split("_")):
            continue
        levels = np.unique(values)
        for low in levels[np.isin(levels + TURN, levels)][:1]:
            yield (
                f"Feature '{name}' has {low:g} and {low + TURN:g}, which are one {name} if it is in degrees: average "
                f"them, or leave one out, for example with --drop {name}={low + TURN:g}."
            )


def _nearly_equal(dataset: xr.Dataset) -> Iterator[str]:
    for name, values in features(dataset).items():
        levels = np.unique(values)
        close = np.flatnonzero(np.diff(levels) < CLOSE * np.ptp(levels))
        if close.size:
            one, other = levels[close[0]].item(), levels[close[0] + 1].item()
            yield f"Feature '{name}' has {one!r} and {other!r}: if that is one value, round the feature."


def _repeats(dataset: xr.Dataset) -> Iterator[str]:
    for name in features(dataset):
        if set(REPEATS) & set(name.casefold().split("_")):
            yield f"Feature '{name}' is called like a count of repeats: if it is one, average over it."


def _nameless(dataset: xr.Dataset) -> Iterator[str]:
    for label in map(str, dataset["unit"].values):
        if label.casefold() in NOTHING:
            yield f"A unit is called {label!r}: if its label is missing, fill it in, or remove its rows."
