"""How a fit or a stabilisation went: distances, the loss and other numbers over the steps."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from tuneful.numbers import as_float
from tuneful.plot.style import (
    END,
    INK,
    MUTED,
    Level,
    draw_levels,
    drawn_points,
    label_axes,
    name_levels,
    padded,
    panel,
    step_axis,
)

STABLE = 1.0  # abscissa below which activity decays
LEAST_SHOWN = 1e-12  # of the largest: what is smaller is as good as zero to the eye
MOST_MARKERS = 40

Lines = Sequence[Mapping[str, Any]]  # of a log


def thinned(steps: Lines) -> list[Mapping[str, Any]]:
    """As many of the steps as a line needs, evenly spread, the first and the last included."""
    return [steps[i] for i in drawn_points(len(steps))]


def distance_course(
    evaluations: Lines,
    name: str,
    levels: Mapping[str, Any] | None = None,
    *,
    top: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the KS distance of one statistic over the steps, with the 5 % line and the floor.

    Parameters
    ----------
    evaluations
        Entries with ``step`` and ``statistics`` {name: KS distance}, as in ``Fit.evaluations_``.
    name
        Of the statistic.
    levels
        Its entry of ``result.json``, with ``line`` and ``floor``.
    top
        Where the axis ends; by default a little above all that is shown.
    ax
        Where to paint; by default in a new figure.
    """
    known = levels or {}
    steps = [as_float(entry.get("step")) for entry in evaluations]
    distances = [as_float((entry.get("statistics") or {}).get(name)) for entry in evaluations]
    shown = [
        Level(as_float(known.get("line")), "5 % line", INK, "--"),
        Level(as_float(known.get("floor")), "floor", MUTED, ":"),
    ]
    with panel(ax) as axes:
        marker = "o" if len(steps) <= MOST_MARKERS else None
        axes.plot(steps, distances, color=END, marker=marker, markersize=2.6)
        axes.set_ylim(0, top or highest_distance([{"statistics": dict(enumerate(distances))}], {name: known}))
        step_axis(axes, steps)
        label_axes(axes, "step", "KS distance")
        draw_levels(axes, shown)
        name_levels(axes, shown)
    return axes


def highest_distance(evaluations: Lines, statistics: Mapping[str, Any]) -> float:
    """The end of the common axis of all panels of KS distances."""
    shown = [as_float(v) for entry in evaluations for v in (entry.get("statistics") or {}).values()]
    shown += [as_float(entry.get(key)) for entry in statistics.values() for key in ("line", "floor")]
    return min(1.02, 1.1 * max((v for v in shown if math.isfinite(v)), default=0.9))


def step_course(
    steps: Lines, key: str, *, title: str | None = None, logarithmic: bool = False, ax: Axes | None = None
) -> Axes:
    """Plot one number of every step, such as the loss.

    Parameters
    ----------
    steps
        The log, as in ``Fit.history_``.
    key
        Of the number.
    title
        Of the vertical axis; by default the key.
    logarithmic
        Whether that axis is.
    ax
        Where to paint; by default in a new figure.
    """
    x, y, shown = _course(steps, key, logarithmic)
    with panel(ax) as axes:
        axes.plot(x, np.where(shown, y, np.nan), color=END, linewidth=1)
        if logarithmic:
            axes.set_yscale("log")
        elif shown.any():
            axes.set_ylim(*padded(y))
        step_axis(axes, x)
        label_axes(axes, "step", key.replace("_", " ") if title is None else title)
    return axes


def has_course(steps: Lines, key: str, logarithmic: bool = False) -> bool:
    """Whether the log has such a number that can be shown."""
    return bool(_course(steps, key, logarithmic)[2].any())


def _course(steps: Lines, key: str, logarithmic: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, numbers, and which of them are shown."""
    kept = thinned(steps)
    x, y = (np.array([as_float(entry.get(name)) for entry in kept]) for name in ("step", key))
    return x, y, y > 0 if logarithmic else np.isfinite(y)


def abscissa(history: np.ndarray, target: float | None = None, *, ax: Axes | None = None) -> Axes:
    """Plot the spectral abscissa after 0, 1, ... steps; logarithmic if it can be, since it falls over magnitudes.

    >>> from matplotlib.figure import Figure
    >>> abscissa([4.0, 1.2, 0.4], target=0.5, ax=Figure().add_subplot()).get_yscale()
    'log'
    """
    values = np.asarray(history, float)
    kept = drawn_points(len(values))
    levels = [Level(STABLE, "stable", INK, "--")]
    levels += [] if target is None else [Level(target, "target", MUTED, ":")]
    with panel(ax) as axes:
        axes.plot(kept, values[kept], color=END, marker="o" if len(kept) < 3 else None, markersize=3)
        step_axis(axes, kept)
        shown = np.array([*values[kept], *(level.value for level in levels)])
        if shown.min() > LEAST_SHOWN * shown.max():
            axes.set_yscale("log")
            axes.set_ylim(*np.exp(padded(np.log(shown))))
            few_decades = shown.max() / shown.min() <= 1e3
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few_decades else (1,)))
            axes.yaxis.set_minor_locator(NullLocator())
        else:
            axes.set_ylim(*padded(shown))
        label_axes(axes, "step", "spectral abscissa")
        draw_levels(axes, levels)
        name_levels(axes, levels)
    return axes
