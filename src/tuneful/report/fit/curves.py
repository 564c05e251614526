"""Measured curves beside the nearest generated ones: over the conditions, and along the preferred position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from markupsafe import Markup
from matplotlib.axes import Axes

from tuneful.curves import features, rate_unit
from tuneful.report.figures import END, INK, RULE, draw, label_axes
from tuneful.report.fit.gallery import AXES, Pair, Projection
from tuneful.report.numbers import number

MOST_BLOCKS = 5


@dataclass(frozen=True)
class Layout:
    """Where the conditions lie on the horizontal axis, and how that is explained.

    `order` sorts the conditions, `places` (S,) are the sorted ones' positions, `breaks` the indices where the
    line is interrupted, `bounds` where blocks meet.
    """

    order: np.ndarray
    places: np.ndarray
    breaks: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()
    ticks: tuple[tuple[float, str], ...] = ()
    title: str = "condition"
    caption: str = ""


def layout_of(dataset: xr.Dataset) -> Layout:
    """The layout that suits the features: a lattice of positions, one varying feature, or just the order."""
    found = features(dataset)
    numeric = {k: np.asarray(v, dtype=float) for k, v in found.items() if np.issubdtype(v.dtype, np.number)}
    if set(AXES) <= set(numeric):
        return _lattice([numeric[axis] for axis in AXES], unit_of(dataset, "z"))
    varying = [name for name, values in found.items() if len(np.unique(values)) > 1]
    if len(varying) == 1 and varying[0] in numeric:
        name = varying[0]
        values = numeric[name]
        if len(np.unique(values)) == len(values):
            order = np.argsort(values)
            return Layout(order, values[order], title=title_of(dataset, name))
    labels = dataset["condition"].values if "condition" in dataset.coords else None
    return _in_order(dataset.sizes["condition"], labels)


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


def _lattice(positions: Sequence[np.ndarray], unit: str) -> Layout:
    x, y, z = (np.round(axis, 9) for axis in positions)
    order = np.lexsort((x, y, z))
    new_block = np.diff(z[order]) != 0
    new_run = new_block | (np.diff(y[order]) != 0)
    if new_block.sum() >= MOST_BLOCKS:  # scattered positions: no blocks to be seen
        return Layout(order, np.arange(len(order)), title="position, sorted by z, y, x")
    places = np.arange(len(order)) + np.concatenate([[0], np.cumsum(1.0 * new_block + 0.4 * new_run)])
    ends = np.flatnonzero(new_block)
    blocks = np.split(places, ends + 1)
    levels = np.unique(z)
    return Layout(
        order,
        places,
        breaks=tuple((np.flatnonzero(new_run) + 1).tolist()),
        bounds=tuple(float(places[i] + places[i + 1]) / 2 for i in ends),
        ticks=tuple((float(b.mean()), f"z = {number(v)}") for b, v in zip(blocks, levels, strict=True)),
        title="hand position",
        caption="Each point is one hand position. A block has one z, a joined run one y, and x increases along the "
        f"run{_spacing(unit)}.",
    )


def _in_order(n: int, labels: np.ndarray | None) -> Layout:
    short = labels is not None and n <= 6 and max(len(str(v)) for v in labels) <= 6
    ticks = tuple((float(i), str(labels[i])) for i in range(n)) if labels is not None and short else ()
    return Layout(np.arange(n), np.arange(n, dtype=float), ticks=ticks, title="condition")


def curve_figure(pair: Pair, layout: Layout, response: str) -> Markup:
    """A measured curve and the nearest generated one over the conditions; shaded where not measured.

    `response` names the vertical axis (`response_of`).
    """

    def paint(axes: Axes) -> None:
        """Both curves, broken where the layout is, over what was not measured."""
        _shade_missing(axes, pair.measured[layout.order], layout.places)
        for bound in layout.bounds:
            axes.axvline(bound, color=RULE, linewidth=0.8, zorder=0)
        size = 3.2 if len(layout.places) <= 40 else 1.6
        axes.plot(
            *_broken(layout, pair.measured),
            color=INK,
            marker="o",
            markersize=size,
            linewidth=0.8,
            zorder=3,
            clip_on=False,
        )
        if pair.nearest is not None:
            axes.plot(
                *_broken(layout, pair.nearest), color=END, marker=".", markersize=size, linewidth=1.5, clip_on=False
            )
        axes.set_ylim(_bottom(pair), _top(pair))
        if layout.ticks:
            axes.set_xticks(*(list(column) for column in zip(*layout.ticks, strict=True)))
            axes.tick_params(axis="x", length=0)
        label_axes(axes, layout.title, response)

    return draw(paint, f"Measured and nearest generated curve of unit {pair.unit}")


def _broken(layout: Layout, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and rates in order, with NaN where the line is interrupted."""
    where = list(layout.breaks)
    return (
        np.insert(np.asarray(layout.places, float), where, np.nan),
        np.insert(curve[layout.order], where, np.nan),
    )


def _shade_missing(axes: Axes, curve: np.ndarray, places: np.ndarray) -> None:
    half = 0.5 * float(np.diff(places).min()) if len(places) > 1 else 0.5
    for place in places[np.isnan(curve)]:
        axes.axvspan(place - half, place + half, color=RULE, linewidth=0, zorder=0)


def _top(pair: Pair) -> float:
    return 1.1 * float(np.nanmax(_both(pair))) or 1.0


def _bottom(pair: Pair) -> float:
    """0, or where responses that are no rates are below."""
    return 1.1 * min(0.0, float(np.nanmin(_both(pair))))


def _both(pair: Pair) -> np.ndarray:
    return np.stack([pair.measured] if pair.nearest is None else [pair.measured, pair.nearest])


def projection_figure(
    unit: str, measured: Projection | None, generated: Projection | None, spacing: str, response: str
) -> Markup | None:
    """Rate against position along the preferred-position vector, each curve along its own, with linear fits."""
    if measured is None and generated is None:
        return None

    def paint(axes: Axes) -> None:
        for curve, colour, marker in ((measured, INK, "o"), (generated, END, "D")):
            if curve is not None:
                _paint_projection(axes, curve, colour, marker)
        axes.set_ylim(bottom=0)
        label_axes(axes, f"projected position{_in_unit(spacing)}", response)

    return draw(paint, f"Curve of unit {unit} along its preferred position")


def _paint_projection(axes: Axes, curve: Projection, colour: str, marker: str) -> None:
    fill = colour if marker == "o" else "none"
    points = {"color": colour, "markerfacecolor": fill, "markersize": 3, "markeredgewidth": 0.9, "clip_on": False}
    axes.plot(curve.positions, curve.rates, marker, zorder=3, **points)
    ends = np.array([curve.positions.min(), curve.positions.max()])
    axes.plot(
        ends,
        curve.offset + curve.slope * ends,
        color=colour,
        linewidth=1,
        linestyle="-" if fill == colour else "--",
    )
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)


def _spacing(unit: str) -> str:
    return f"; positions are in units of {unit}".replace(" mm", "\N{NO-BREAK SPACE}mm") if unit else ""


def _in_unit(spacing: str) -> str:
    if not spacing:
        return ""
    return f" (× {spacing})" if spacing[0].isdigit() else f" ({spacing})"
