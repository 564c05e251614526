"""Properties that all units of a source have, such as their session, and that it does not say itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, features, unit_properties, validate
from tuneful.curves.schema import ENTRY_UNITS
from tuneful.readers.columns import parse


def labels_of(asked: Any) -> dict[str, str]:
    """What is to be said of all units, given as a mapping, as texts NAME=VALUE, or as one with commas between them.

    Raises
    ------
    DatasetError
        If it is not of that form, or says two things of one name.

    >>> labels_of("session=m3,area=V1")
    {'session': 'm3', 'area': 'V1'}
    """
    if isinstance(asked, Mapping):
        asked = [f"{name}={value}" for name, value in asked.items()]
    items = asked.split(",") if isinstance(asked, str) else asked
    pairs = [str(item).partition("=") for item in items] if isinstance(items, list | tuple) else []
    if not pairs or not all(name.strip() and value.strip() for name, _, value in pairs):
        raise DatasetError(f"Labels of all units are given as label=session=m3, and not as {asked!r}.")
    labels = {name.strip(): value.strip() for name, _, value in pairs}
    if len(labels) < len(pairs):
        raise DatasetError(f"Of the labels {', '.join(map(str, items))}, two are of one name: leave out one.")
    return labels


def labelled(dataset: xr.Dataset, labels: Mapping[str, str]) -> xr.Dataset:
    """A dataset all of whose units have these properties.

    Raises
    ------
    DatasetError
        If the dataset has something else under such a name.
    """
    if taken := [n for n in labels if n in features(dataset) or n in (*ENTRY_UNITS, "unit", "condition")]:
        raise DatasetError(f"The label '{taken[0]}' is the name of something else in these data: call it otherwise.")
    n_units = dataset.sizes["unit"]
    for name, value in labels.items():
        values = np.repeat(parse(pd.Series([value])), n_units)
        if name in unit_properties(dataset) and (dataset[name].values.astype(str) != value).any():
            raise DatasetError(
                f"Units have the property '{name}' already, such as {str(dataset[name].values[0])!r}, and not "
                f"{value!r}: leave out that label, or call it otherwise."
            )
        dataset = dataset.assign_coords({name: ("unit", values)})
    return validate(dataset)
