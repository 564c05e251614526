"""Every measured curve with the nearest generated one, as numbers from which the script of a page draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from tuneful.curves import rate_unit
from tuneful.curves.labels import COMPARED_AS
from tuneful.plot.layouts import Layout, layout_of
from tuneful.plot.naming import response_of
from tuneful.plot.selection import choose, finite_rates, held_out, nearest, unit_labels
from tuneful.plot.tuning import standard_errors
from tuneful.report.fit.content import ReportContent

MOST_NUMBERS = 60_000  # rates of units: more would make the page slow to load
MOST_VALUES = 50  # of a property by which units are chosen
DIGITS = 4
NO_PROPERTIES = {"unit", "held_out", COMPARED_AS}


def all_curves(parts: Sequence[ReportContent]) -> dict[str, Any] | None:
    """What the script is given of the curves of all labels: axes, units with their properties; None without units."""
    data = [held_out(part.measured) for part in parts]
    if not sum(curves.sizes["unit"] for curves in data):
        return None
    layout, properties = layout_of(data[0]), _properties(data)
    most = max(1, MOST_NUMBERS // max(1, len(layout.order) * len(parts)))
    units = [
        unit
        for part, curves in zip(parts, data, strict=True)
        for unit in _units(curves, part, layout, properties, most)
    ]
    has_labels = any(part.label for part in parts)
    return _axis(layout) | {
        "unit": rate_unit(data[0]),
        "y": response_of(data[0]),
        "properties": ["label"] * has_labels + properties,
        "units": units,
        "left_out": sum(curves.sizes["unit"] for curves in data) - len(units),
    }


def _axis(layout: Layout) -> dict[str, Any]:
    """The horizontal axis as figures have it."""
    axes = Figure().add_subplot()
    axes.plot(layout.places, np.zeros(len(layout.places)))
    layout.paint(axes)
    locator = axes.xaxis.get_major_locator()
    places = axes.get_xticks() if isinstance(locator, FixedLocator) else []
    names = [text.get_text() for text in axes.get_xticklabels()] if len(places) else []
    return {
        "x": layout.title,
        "places": np.asarray(layout.places, float).tolist(),
        "breaks": list(layout.breaks),
        "bounds": list(layout.bounds),
        "ticks": [[float(place), name] for place, name in zip(places, names, strict=True)],
        "limits": list(map(float, axes.get_xlim())),
        "logarithmic": axes.get_xscale() == "log",
    }


def _properties(data: Sequence[xr.Dataset]) -> list[str]:
    """Names of what is known of units and tells some of them apart."""
    names = [str(n) for n, c in data[0].coords.items() if c.dims == ("unit",) and n not in NO_PROPERTIES]
    values = {name: {str(v) for curves in data for v in curves[name].values} for name in names}
    return [name for name in names if 1 < len(values[name]) <= MOST_VALUES]


def _units(
    data: xr.Dataset, part: ReportContent, layout: Layout, properties: Sequence[str], most: int
) -> list[dict[str, Any]]:
    rates, errors = np.asarray(data["rate"].values, float), standard_errors(data)
    generated, names = finite_rates(part.end), unit_labels(data)
    kept = np.arange(len(rates)) if len(rates) <= most else np.sort(choose(rates, most))
    return [
        {
            "name": names[i],
            "properties": [part.label] * bool(part.label) + [str(data[name].values[i]) for name in properties],
            "mean": _rounded(np.nanmean(rates[i])),
            "modulation": _rounded(np.nanstd(rates[i])),
            **_beside(rates[i], nearest(rates[i], generated), layout),
            "rates": _along(rates[i], layout),
            "errors": _along(errors[i], layout) if np.isfinite(errors[i]).any() else None,
        }
        for i in kept
    ]


def _beside(rates: np.ndarray, curve: np.ndarray | None, layout: Layout) -> dict[str, Any]:
    """The nearest generated curve, and its root mean squared difference over the measured conditions."""
    if curve is None:
        return {"apart": None, "model": None}
    return {"apart": _rounded(np.sqrt(np.nanmean((rates - curve) ** 2))), "model": _along(curve, layout)}


def _along(values: np.ndarray, layout: Layout) -> list[float | None]:
    return [_rounded(value) for value in values[layout.order]]


def _rounded(value: Any) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
