"""How a fit went: distances, the loss and other numbers over the steps."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from tuneful.report.figures import (
    END,
    INK,
    MUTED,
    Level,
    draw,
    draw_levels,
    drawn_points,
    label_axes,
    name_levels,
    padded,
    step_axis,
)
from tuneful.report.numbers import as_float


def thinned(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As many of the steps as a line needs, evenly spread, the first and the last included."""
    return [steps[i] for i in drawn_points(len(steps))]


def distance_figure(
    name: str, title: str, evaluations: Sequence[Mapping[str, Any]], statistic: Mapping[str, Any], top: float
) -> Markup:
    """KS distance of one statistic over the steps, with the 5 % line and the floor; `top` ends the axis."""
    steps = [as_float(entry.get("step")) for entry in evaluations]
    distances = [as_float((entry.get("statistics") or {}).get(name)) for entry in evaluations]
    line, floor = as_float(statistic.get("line")), as_float(statistic.get("floor"))
    levels = [Level(line, "5 % line", INK, "--"), Level(floor, "floor", MUTED, ":")]

    def paint(axes: Axes) -> None:
        marker = "o" if len(steps) <= 40 else None
        axes.plot(steps, distances, color=END, marker=marker, markersize=2.6)
        axes.set_ylim(0, top)
        step_axis(axes, steps)
        label_axes(axes, "step", "KS distance")
        draw_levels(axes, levels)
        name_levels(axes, levels)

    return draw(paint, f"KS distance over training: {title}", right=0.79)


def highest_distance(evaluations: Sequence[Mapping[str, Any]], statistics: Mapping[str, Any]) -> float:
    """The end of the common axis of all panels of KS distances."""
    shown = [as_float(v) for entry in evaluations for v in (entry.get("statistics") or {}).values()]
    shown += [as_float(entry.get(key)) for entry in statistics.values() for key in ("line", "floor")]
    return min(1.02, 1.1 * max((v for v in shown if math.isfinite(v)), default=0.9))


def course_figure(
    key: str, title: str, steps: Sequence[Mapping[str, Any]], logarithmic: bool = False
) -> Markup | None:
    """One number of every step, such as the loss."""
    kept = thinned(steps)
    x, y = (np.array([as_float(entry.get(name)) for entry in kept]) for name in ("step", key))
    shown = y > 0 if logarithmic else np.isfinite(y)
    if not shown.any():
        return None

    def paint(axes: Axes) -> None:
        axes.plot(x, np.where(shown, y, np.nan), color=END, linewidth=1)
        if logarithmic:
            axes.set_yscale("log")
        else:
            axes.set_ylim(*padded(y))
        step_axis(axes, x)
        label_axes(axes, "step", title.lower())

    return draw(paint, f"{title} over training")
