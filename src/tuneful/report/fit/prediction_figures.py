"""Rates over a feature in conditions old and new, and their distance from the truth in the new ones."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from tuneful.report.figures import (
    END,
    INK,
    TRUTH,
    WIDE,
    Level,
    clipped,
    draw,
    draw_levels,
    label_axes,
    name_levels,
)
from tuneful.report.fit.prediction import Along, Distances


def rates_figure(
    axis: str,
    model: Along,
    data: Along,
    truth: Along | None,
    new: np.ndarray,
    whose: str = "",
    response: str = "rate (Hz)",
) -> Markup:
    """The spread of the fitted circuit as a band, of data and truth as bars; triangles mark the new conditions.

    `whose` ends the description, where there are several such figures; `response` names the vertical axis.
    """

    def paint(axes: Axes) -> None:
        axes.fill_between(model.places, model.low, model.high, color=END, alpha=0.18, linewidth=0)
        axes.plot(model.places, model.median, color=END)
        _paint_bars(axes, data, INK, "o")
        if truth is not None:
            _paint_bars(axes, truth, TRUTH, "D")
        axes.set_ylim(0, _top([model, data, *([] if truth is None else [truth])]))
        axes.set_xlim(*_limits(model.places))
        below = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 4}
        axes.plot(new, np.full(len(new), 0.02), "^", color=END, markersize=3.6, **below)
        label_axes(axes, axis, response)

    return draw(paint, f"Rates of the fitted circuit and of the data over {axis}{whose}", size=WIDE)


def _paint_bars(axes: Axes, spread: Along, colour: str, marker: str) -> None:
    axes.vlines(spread.places, spread.low, spread.high, color=colour, linewidth=1, zorder=3)
    axes.plot(spread.places, spread.median, marker, color=colour, markersize=3.6, zorder=3)


def _top(spreads: list[Along]) -> float:
    highest = np.concatenate([spread.high for spread in spreads])
    return 1.08 * float(np.nanmax(highest, initial=0)) or 1.0


def _limits(places: np.ndarray) -> tuple[float, float]:
    low, high = float(places.min()), float(places.max())
    pad = 0.03 * (high - low) or 0.5
    return low - pad, high + pad


def distances_figure(axis: str, places: np.ndarray, distances: Distances, model: Along, whose: str = "") -> Markup:
    """The KS distance of the rates in every new condition, with the 5 % line."""
    levels = [Level(distances.line, "5 % line", INK, "--")]
    highest = max([*distances.known, *(level.value for level in levels if np.isfinite(level.value))])

    def paint(axes: Axes) -> None:
        axes.vlines(places, 0, distances.ks, color=END, linewidth=1)
        axes.plot(places, distances.ks, "o", color=END, markersize=3.6, clip_on=False, zorder=3)
        axes.set_ylim(0, min(1.02, 1.15 * highest) or 1.0)
        axes.set_xlim(*_limits(model.places))
        draw_levels(axes, levels)
        label_axes(axes, clipped(axis), "KS distance")
        name_levels(axes, levels)

    return draw(paint, f"KS distance of the rates in new conditions over {axis}{whose}", right=0.79)
