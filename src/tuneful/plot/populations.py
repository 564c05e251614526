"""Populations of curves: mean and spread per condition, data against model, and in conditions that are new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tuneful.numbers import number
from tuneful.plot.feature_axes import FeatureAxis
from tuneful.plot.layouts import MOST_TICKS, crossing_of, layout_of
from tuneful.plot.naming import response_of, title_of
from tuneful.plot.selection import finite_rates
from tuneful.plot.style import (
    END,
    INK,
    TRUTH,
    WIDE,
    Level,
    clipped,
    draw_levels,
    label_axes,
    literal,
    name_levels,
    panel,
)
from tuneful.plot.tuning import response_limits

SPREAD = (0.1, 0.5, 0.9)  # quantiles over cells
MOST_LINES = 7  # of a panel: with more, means are maps
FAINTEST = 0.25  # opacity of the first line, that of the last being 1


@dataclass(frozen=True)
class Along:
    """Rates over one feature: its values (S,), increasing, and quantiles over cells, each (S,) in Hz."""

    places: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


def spread(rates: np.ndarray) -> np.ndarray:
    """Quantiles `SPREAD` of rates (n, S) over cells, (3, S); NaN entries are left out, and NaN stands for nothing."""
    return _per_condition(rates, lambda values: np.quantile(values, SPREAD))


def mean_and_spread(rates: np.ndarray) -> np.ndarray:
    """The mean over cells between the outer quantiles of `SPREAD`, (3, S), as `spread` treats NaN."""
    low, high = SPREAD[0], SPREAD[-1]
    return _per_condition(rates, lambda v: np.array([np.quantile(v, low), v.mean(), np.quantile(v, high)]))


def _per_condition(rates: np.ndarray, summary: Any) -> np.ndarray:
    columns = [column[np.isfinite(column)] for column in np.asarray(rates, dtype=float).T]
    return np.array([summary(v) if len(v) else np.full(3, np.nan) for v in columns]).reshape(-1, 3).T


def population(data: xr.Dataset, model: xr.Dataset | None = None, *, ax: Axes | None = None) -> Axes:
    """Plot the mean over units and the range of 10 to 90 % of them in every condition: data as bars, model as a band.

    Parameters
    ----------
    data
        Measured curves.
    model
        Generated ones in the same conditions.
    ax
        Where to paint; by default in a new figure.

    >>> from matplotlib.figure import Figure
    >>> from tuneful.curves import make_dataset
    >>> data = make_dataset([[1.0, 3.0], [2.0, 5.0]], {"direction": [0, 180]})
    >>> float(population(data, data, ax=Figure().add_subplot()).get_xlim()[1])
    360.0
    """
    layout, measured = layout_of(data), mean_and_spread(data["rate"].values)
    sides = [measured] if model is None else [measured, mean_and_spread(finite_rates(model))]
    with panel(ax, WIDE) as axes:
        layout.paint(axes)
        if model is not None and np.isfinite(sides[1]).any():
            low, middle, high = (layout.along(row) for row in sides[1])
            axes.fill_between(layout.line, low, high, color=END, alpha=0.18, linewidth=0)
            axes.plot(layout.line, middle, color=END, label="model")
        _paint_bars(axes, layout.line, [layout.along(row) for row in measured], INK, "o", "data")
        axes.set_ylim(*response_limits(sides))
        label_axes(axes, layout.title, response_of(data))
    return axes


def means(
    curves: xr.Dataset,
    values: np.ndarray | None = None,
    *,
    colour: str = INK,
    top: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot mean curves over the first of two crossed features, a line for each value of the second; of many, a map.

    Parameters
    ----------
    curves
        Whose conditions cross two features, sizes and contrasts for instance.
    values
        One a condition, NaN where not known; by default the means over units.
    colour, top
        Of the lines, and where their axis, or the darkest of a map, ends.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    ValueError
        If no two features are crossed.
    """
    crossing = crossing_of(curves)
    if crossing is None:
        raise ValueError("Means over two features need conditions that cross two numeric ones: see `population`.")
    shown = mean_and_spread(curves["rate"].values)[1] if values is None else np.asarray(values, float)
    end = 1.06 * float(np.nanmax(shown)) or 1.0 if top is None else top
    is_map = len(np.unique(curves[crossing[1]].values)) > MOST_LINES
    with panel(ax) as axes:
        (_paint_map if is_map else _paint_lines)(axes, curves, crossing, shown, colour, end)
    return axes


def _paint_lines(
    axes: Axes, curves: xr.Dataset, crossing: tuple[str, str], values: np.ndarray, colour: str, top: float
) -> None:
    first, second = (np.asarray(curves[name].values, float) for name in crossing)
    axis, levels, named = FeatureAxis.of(curves, crossing[0]), np.unique(second), []
    for level, opacity in zip(levels, np.linspace(FAINTEST, 1, len(levels)), strict=True):
        own = np.flatnonzero(second == level)
        own = own[np.argsort(first[own])]
        places, shown = first[own], values[own]
        if axis.period is not None:
            places, shown = np.append(places, places[0] + axis.period), np.append(shown, shown[0])
        axes.plot(places, shown, color=colour, alpha=opacity, marker=".", clip_on=False)
        known = shown[~np.isnan(shown)]
        middle = known.mean() if len(known) else np.nan  # ends are often close to each other, as those of tuning
        named.append(Level(float(middle), number(level), colour, "-"))
    axis.paint(axes)
    axes.set_ylim(min(0.0, float(np.nanmin(values))), top)
    label_axes(axes, axis.title, response_of(curves))
    name_levels(axes, named)


def _paint_map(
    axes: Axes, curves: xr.Dataset, crossing: tuple[str, str], values: np.ndarray, colour: str, top: float
) -> None:
    columns, rows = (np.unique(np.asarray(curves[name].values, float), return_inverse=True) for name in crossing)
    for column, row, value in zip(columns[1], rows[1], values, strict=True):
        shade = 0.0 if np.isnan(value) else float(np.clip(value / top, 0, 1))
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour, alpha=shade))
    for set_ticks, (known, _) in ((axes.set_xticks, columns), (axes.set_yticks, rows)):
        shown = np.arange(len(known))[:: -(-len(known) // MOST_TICKS)]
        set_ticks(shown.tolist(), [number(known[i]) for i in shown])
    axes.set_xlim(-0.5, len(columns[0]) - 0.5)
    axes.set_ylim(-0.5, len(rows[0]) - 0.5)
    axes.set_xlabel(literal(title_of(curves, crossing[0])), labelpad=2)
    axes.set_ylabel(literal(title_of(curves, crossing[1])), labelpad=5)


def prediction(
    axis: FeatureAxis,
    sides: Mapping[str, Along | None],
    new: np.ndarray,
    *,
    response: str = "rate (Hz)",
    ax: Axes | None = None,
) -> Axes:
    """Plot the median and spread of a circuit over a feature as a band, those of data and truth as bars.

    Parameters
    ----------
    axis
        Of the feature.
    sides
        `model`, `data` and, where it is known, `truth`.
    new
        Values that were not fitted, which triangles mark.
    response
        The name of the vertical axis.
    ax
        Where to paint; by default in a new figure.
    """
    model, data, truth = (sides.get(name) for name in ("model", "data", "truth"))
    known = [side for side in (model, data, truth) if side is not None]
    with panel(ax, WIDE) as axes:
        axis.paint(axes)
        if model is not None:
            axes.fill_between(model.places, model.low, model.high, color=END, alpha=0.18, linewidth=0)
            axes.plot(model.places, model.median, color=END, label="fitted circuit")
        for side, colour, marker, name in ((data, INK, "o", "data"), (truth, TRUTH, "D", "true circuit")):
            if side is not None:
                _paint_bars(axes, side.places, (side.low, side.median, side.high), colour, marker, name)
        axes.set_ylim(*response_limits([side.high for side in known]))
        below = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 4}
        axes.plot(new, np.full(len(new), 0.02), "^", color=END, markersize=3.6, label="not fitted", **below)
        label_axes(axes, axis.title, response)
    return axes


def _paint_bars(
    axes: Axes, places: np.ndarray, rows: Sequence[np.ndarray], colour: str, marker: str, name: str
) -> None:
    low, middle, high = rows
    axes.vlines(places, low, high, color=colour, linewidth=1, zorder=3, clip_on=False)
    axes.plot(places, middle, marker, color=colour, markersize=3.6, zorder=3, clip_on=False, label=name)


def new_distances(
    axis: FeatureAxis, places: np.ndarray, ks: np.ndarray, line: float, *, ax: Axes | None = None
) -> Axes:
    """Plot the KS distance of the rates (S,) in every new condition (S,), with the 5 % line."""
    levels = [Level(line, "5 % line", INK, "--")]
    known = np.array([*ks, line])
    highest = float(known[np.isfinite(known)].max(initial=0))
    with panel(ax) as axes:
        axis.paint(axes)
        axes.vlines(places, 0, ks, color=END, linewidth=1)
        axes.plot(places, ks, "o", color=END, markersize=3.6, clip_on=False, zorder=3)
        axes.set_ylim(0, min(1.02, 1.15 * highest) or 1.0)
        draw_levels(axes, levels)
        label_axes(axes, clipped(axis.title), "KS distance")
        name_levels(axes, levels)
    return axes
