"""What figures call statistics, features and responses."""

import xarray as xr

from tuneful.curves import STATISTICS, rate_unit


def label(name: str) -> str:
    """What figures and tables call a statistic; its own name if it is not registered."""
    return STATISTICS[name].label if name in STATISTICS else str(name)


def axis_label(name: str, rate_unit: str = "Hz") -> str:
    """The short label of a statistic with its unit; the heading of the panel has the whole one.

    What is a rate in Hz is a response in `rate_unit` of curves that are in another.
    """
    unit, words = STATISTICS[name].unit if name in STATISTICS else "", label(name).split(" (")[0]
    if unit == "Hz" != rate_unit:
        unit, words = rate_unit, words.replace("Firing rate", "Response").replace("rate", "response")
    return (words if len(words) <= 34 else words[:33] + "…") + (f" ({unit})" if unit else "")


def unit_of(dataset: xr.Dataset, feature: str) -> str:
    """The unit of a feature, or nothing."""
    return str(dataset[feature].attrs.get("units", ""))


def title_of(dataset: xr.Dataset, feature: str) -> str:
    """A feature and its unit, as the name of an axis or a column."""
    unit = unit_of(dataset, feature)
    return f"{feature} ({unit})" if unit else feature


def response_of(dataset: xr.Dataset) -> str:
    """What curves are, with their unit, as the name of an axis."""
    unit = rate_unit(dataset)
    return f"{'rate' if unit == 'Hz' else 'response'} ({unit})"
