"""Spike times of units, out of whatever holds them: mappings, lists, groups of pynapple, tables of units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.curves.validation import default_labels
from tuneful.readers.members import column_called, metadata_of, scalars_of, table_of

TIMES = ("spike_times", "spikes", "times")  # columns of a table of units
EXPECTED = (
    "a mapping from labels to arrays of times in seconds, a list of such arrays, a TsGroup of pynapple, or a table "
    "with a column spike_times"
)


@dataclass(frozen=True)
class SpikeTrains:
    """Spike times of units.

    labels
        One a unit.
    times
        Ascending times in seconds, an array a unit.
    properties
        Name -> one value a unit.
    observed
        When each unit was observed, (n, 2) starts and ends; None if always.
    """

    labels: np.ndarray
    times: Sequence[np.ndarray]
    properties: Mapping[str, np.ndarray] = field(default_factory=dict)
    observed: Sequence[np.ndarray] | None = None


def trains_of(spikes: Any, units: Mapping[str, Any] | None = None) -> SpikeTrains:
    """Spike trains of any object that `from_spikes` takes.

    Raises
    ------
    DatasetError
        If there are none, or a time is not a finite number.
    """
    properties = {} if units is None else {str(name): np.asarray(units[name]) for name in units}
    observed = None
    spikes = table_of(spikes)
    if isinstance(spikes, pd.DataFrame):
        name = column_called(spikes, TIMES, EXPECTED)
        labels, times = spikes.index.to_numpy(), list(spikes[name])
        properties = scalars_of(spikes.drop(columns=name)) | properties
    elif hasattr(spikes, "keys"):
        keys = list(spikes.keys())
        labels, times = np.array(keys, object), [spikes[key] for key in keys]
        properties = metadata_of(spikes, ("rate",)) | properties
        observed = _support(spikes, len(times))
    elif isinstance(spikes, list | tuple) and all(np.ndim(_plain(train)) == 1 for train in spikes):
        labels, times = default_labels("u", len(spikes)), list(spikes)
    else:
        raise DatasetError(f"Spikes are {EXPECTED}, and not a {type(spikes).__name__}.")
    if len(times) == 0:
        raise DatasetError("There are no units: is the source of the spikes the right one?")
    trains = [ascending(str(label), train) for label, train in zip(labels, times, strict=True)]
    return SpikeTrains(np.asarray(labels).astype(str), trains, properties, observed)


def _plain(train: Any) -> Any:
    """The times of an object of pynapple, or what was given."""
    return train.t if hasattr(train, "t") and hasattr(train, "time_support") else train


def ascending(label: str, train: Any) -> np.ndarray:
    """The spike times of one unit in their order.

    Raises
    ------
    DatasetError
        If they are not finite numbers in a row.

    >>> ascending("a", [2, 1])
    array([1., 2.])
    """
    try:
        times = np.asarray(_plain(train), float)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"Spike times of unit {label!r} are not numbers: give times in seconds.") from error
    if times.ndim != 1:
        raise DatasetError(f"Spike times of unit {label!r} have shape {times.shape}, and not one dimension.")
    if (bad := np.flatnonzero(~np.isfinite(times))).size:
        raise DatasetError(
            f"Spike {bad[0] + 1} of unit {label!r} is at {times[bad[0]]}, which is no time: leave it out."
        )
    return np.sort(times)


def _support(spikes: Any, n_units: int) -> list[np.ndarray] | None:
    support = getattr(spikes, "time_support", None)
    if support is None:
        return None
    return [np.stack([np.asarray(support.start, float), np.asarray(support.end, float)], axis=1)] * n_units
