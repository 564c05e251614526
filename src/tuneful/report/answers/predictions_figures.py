"""Figures of predictions: bands over a feature of the conditions, beside what was measured and what is true."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from tuneful.report.figures import (
    END,
    ENTRIES,
    INK,
    MUTED,
    START,
    TRUTH,
    WIDE,
    Level,
    clipped,
    draw,
    label_axes,
    name_levels,
    padded,
)
from tuneful.report.numbers import as_floats, number

MOST = 6  # panels of a section
COLOURS = (END, START, *ENTRIES)


@dataclass(frozen=True)
class Banded:
    """One curve with its band: values over places, NaN where there is none."""

    name: str
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str
    points: Mapping[str, np.ndarray] = field(default_factory=dict)  # truth and measured values, by their colour

    def at(self, indices: np.ndarray) -> "Banded":
        """Some of the places."""
        points = {colour: values[indices] for colour, values in self.points.items()}
        return Banded(self.name, self.value[indices], self.low[indices], self.high[indices], self.colour, points)


def figures_of(section: str, table: Mapping[str, Any]) -> list[tuple[str, str, Markup]]:
    """The figures of a section, as (title, note, drawing)."""
    drawn = {"Curves": _curves, "Stability": _stability, "Extra input": _responses}.get(section)
    return [] if drawn is None else list(drawn(table))[:MOST]


def _curves(table: Mapping[str, Any]) -> Iterator[tuple[str, str, Markup]]:
    unit = table["unit"]
    words = {"rate_mean": f"mean ({unit})", "rate_spread": f"spread ({unit})"}
    for label in dict.fromkeys(row["where"]["label"] for row in _rows(table, "rate_mean")):
        for quantity, axis in words.items():
            band = _banded(table, quantity, {"label": label}, END)
            if quantity == "rate_mean":
                band = _with_measured(band, table["measured"][label])
            what = "Mean rate" if quantity == "rate_mean" else "Spread of rates"
            of = f" of {label}" if label else ""
            yield from _panels(table, [band], f"{what}{of}", axis, from_zero=True)


def _stability(table: Mapping[str, Any]) -> Iterator[tuple[str, str, Markup]]:
    if _rows(table, "inhibition_stabilised"):
        band = _banded(table, "inhibition_stabilised", {}, END)
        yield from _panels(table, [band], "Inhibition-stabilised realisations", "part", from_zero=True)


def _responses(table: Mapping[str, Any]) -> Iterator[tuple[str, str, Markup]]:
    rows = _rows(table, "full_response")
    types = list(dict.fromkeys(row["where"]["type"] for row in rows))
    for given in dict.fromkeys(row["where"]["input"] for row in rows):
        bands = [
            _banded(table, "full_response", {"input": given, "type": kind}, COLOURS[i % len(COLOURS)], kind)
            for i, kind in enumerate(types)
        ]
        yield from _panels(table, bands, f"Response to input to {given}", "response (Hz)")


def _panels(
    table: Mapping[str, Any], bands: Sequence[Banded], title: str, axis: str, from_zero: bool = False
) -> Iterator[tuple[str, str, Markup]]:
    """A panel for each value of the features that are not the axis."""
    for where, along, places, indices in _groups(table["conditions"], len(table["new"])):
        new = places[np.array(table["new"])[indices]]
        shown = [band.at(indices) for band in bands]
        described = f"{title}{f' at {where}' if where else ''}"
        yield described, _note(bands, len(new) > 0), _figure(described, along, places, new, shown, axis, from_zero)


def _note(bands: Sequence[Banded], has_new: bool) -> str:
    told = {INK: "dots: measured", TRUTH: "diamonds: truth"}
    known = [
        words for colour, words in told.items() if any(np.isfinite(b.points.get(colour, [])).any() for b in bands)
    ]
    return "; ".join(["line and band", *known, *["triangles: new conditions"] * has_new])


def _groups(conditions: Mapping[str, Sequence[float]], n: int) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Conditions along the feature with most values, for every combination of the others that vary."""
    arrays = {name: np.asarray(values) for name, values in conditions.items()}
    varying = {
        name: len(np.unique(v)) for name, v in arrays.items() if len(np.unique(v)) > 1 and v.dtype.kind in "fi"
    }
    if not varying:
        yield "", "condition", np.arange(n, dtype=float), np.arange(n)
        return
    along = max(varying, key=lambda name: varying[name])
    others = [name for name in varying if name != along]
    combinations = list(zip(*(arrays[name].tolist() for name in others), strict=True)) or [()] * n
    for combination in dict.fromkeys(combinations):
        own = np.array([i for i in range(n) if combinations[i] == combination])
        own = own[np.argsort(arrays[along][own], kind="stable")]
        where = ", ".join(f"{name} = {number(value)}" for name, value in zip(others, combination, strict=True))
        yield where, along, arrays[along][own].astype(float), own


def _figure(
    described: str,
    along: str,
    places: np.ndarray,
    new: np.ndarray,
    bands: Sequence[Banded],
    axis: str,
    from_zero: bool,
) -> Markup:
    names = [Level(float(b.value[-1]), b.name, b.colour, "-") for b in bands if b.name]

    def paint(axes: Axes) -> None:
        every = np.concatenate([v for b in bands for v in (b.value, b.low, b.high, *b.points.values())])
        for band in bands:
            axes.fill_between(places, band.low, band.high, color=band.colour, alpha=0.2, linewidth=0)
            axes.plot(places, band.value, color=band.colour)
            for colour, values in band.points.items():
                marker = "D" if colour == TRUTH else "o"
                axes.plot(places, values, marker, color=colour, markersize=3.6, zorder=3)
        low, high = padded(every) if np.isfinite(every).any() else (0.0, 1.0)
        axes.set_ylim(0 if from_zero else min(low, 0), max(high, 0.01))
        if not from_zero:
            axes.axhline(0, color=MUTED, linewidth=0.7)
        axes.set_xlim(*padded(places))
        below = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 4}
        axes.plot(new, np.full(len(new), 0.02), "^", color=END, markersize=3.6, **below)
        label_axes(axes, clipped(along), axis)
        name_levels(axes, names)

    return draw(paint, f"{described}, with bands, over {along}", right=0.85 if names else 0.96, size=WIDE)


def _rows(table: Mapping[str, Any], quantity: str) -> list[Mapping[str, Any]]:
    return [row for row in table["rows"] if row["quantity"] == quantity]


def _banded(table: Mapping[str, Any], quantity: str, where: Mapping[str, str], colour: str, name: str = "") -> Banded:
    rows = [r for r in _rows(table, quantity) if all(r["where"][key] == value for key, value in where.items())]
    value, low, high, truth = (as_floats([row.get(key) for row in rows]) for key in ("value", "low", "high", "truth"))
    return Banded(name, value, low, high, colour, {TRUTH: truth})


def _with_measured(band: Banded, measured: Sequence[Any]) -> Banded:
    points = {**band.points, INK: as_floats(measured)}
    return Banded(band.name, band.value, band.low, band.high, band.colour, points)
