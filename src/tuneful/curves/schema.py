"""The shape of a tuning-curve dataset: the names of its parts, and the error for data that do not fit.

=================  ===================  ====  ===============================================
part               dims                 unit  meaning
=================  ===================  ====  ===============================================
`rate`             (unit, condition)    Hz    mean firing rate, or events, or a.u.; NaN = not measured
`rate_var`         (unit, condition)    Hz^2  variance over trials (optional)
`n_trials`         (unit, condition)    1     number of trials (optional)
`occupancy`        (condition,)         1     samples, `fs` a second, in which it was seen (optional)
stimulus features  (condition,)         any   `x`, `y`, `z`, `size`, `contrast`, ...
`condition`        (condition,)               labels of conditions (optional beside features)
`unit`             (unit,)                    labels of units, all different
unit properties    (unit,)              any   `session`, `area`, `cell_type`, ...
=================  ===================  ====  ===============================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Real, Shaped

from tuneful.errors import DatasetError as DatasetError

if TYPE_CHECKING:
    import xarray as xr

DIMS = ("unit", "condition")
DRAWN_FROM = "drawn_from"  # the property of units of a bootstrap sample that names what they are copies of
OCCUPANCY = "occupancy"  # a variable along conditions that is no feature
ENTRY_UNITS = {"rate": "Hz", "rate_var": "Hz^2", "n_trials": "1"}
HERTZ = ("hz", "1/s", "s^-1", "s-1", "sp/s", "spk/s", "spikes/s", "spikes/sec", "spikes per second", "imp/s")
OTHER_UNITS = ("events", "a.u.")  # in which responses are told that are no rates; these may be negative


def features(dataset: xr.Dataset) -> dict[str, Real[np.ndarray, " conditions"]]:
    """The stimulus features: every coordinate of dim `condition` but its labels, name -> values.

    >>> from tuneful.curves import make_dataset
    >>> features(make_dataset([[1.0, 2.0]], {"size": [0.5, 4.0]}))
    {'size': array([0.5, 4. ])}
    """
    return _coords_on(dataset, "condition")


def unit_properties(dataset: xr.Dataset) -> dict[str, Shaped[np.ndarray, " units"]]:
    """The properties of units: every coordinate of dim `unit` but its labels, name -> values.

    >>> from tuneful.curves import make_dataset
    >>> unit_properties(make_dataset([[1.0, 2.0]], {"size": [0.5, 4.0]}, {"area": ["V1"]}))
    {'area': array(['V1'], dtype='<U2')}
    """
    return _coords_on(dataset, "unit")


def _coords_on(dataset: xr.Dataset, dim: str) -> dict[str, np.ndarray]:
    return {str(k): c.values for k, c in dataset.coords.items() if c.dims == (dim,) and k != dim}


def rate_unit(dataset: xr.Dataset) -> str:
    """The unit of the responses: "Hz", "events" or "a.u.".

    >>> from tuneful.curves import make_dataset
    >>> rate_unit(make_dataset([[1.0, -0.2]], {"size": [0.5, 4.0]}, rate_unit="events"))
    'events'
    """
    return unit_called(str(dataset["rate"].attrs.get("units", "Hz")))


def unit_called(text: str) -> str:
    """The unit of responses that is meant by a text.

    Raises
    ------
    DatasetError
        For any other.
    """
    wanted = text.strip().casefold()
    if wanted in HERTZ:
        return "Hz"
    if wanted not in OTHER_UNITS:
        raise DatasetError(
            f"Responses are in {', '.join(('Hz', *OTHER_UNITS))}, and not in {text!r}: convert rates to Hz, and call "
            "anything else a.u."
        )
    return wanted


def unit_name(dataset: xr.Dataset, index: int) -> str:
    """How messages call one unit: `unit 'u017'`."""
    label = dataset["unit"].values[index] if "unit" in dataset.coords else index
    return f"unit {str(label)!r}"


def condition_name(dataset: xr.Dataset, index: int) -> str:
    """How messages call one condition: `condition 3 (x=-1, y=0, z=1)`."""
    parts = [f"{name}={values[index]}" for name, values in features(dataset).items()]
    if "condition" in dataset.coords:
        parts.insert(0, str(dataset["condition"].values[index]))
    return f"condition {index}" + (f" ({', '.join(parts)})" if parts else "")
