"""Parameters over the steps: a scalar beside its start and truth, a matrix as one line per entry."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from tuneful.errors import UserError
from tuneful.plot.courses import thinned
from tuneful.plot.entries import Entry, entries, path
from tuneful.plot.style import (
    END,
    ENTRIES,
    MUTED,
    TRUTH,
    Level,
    clipped,
    draw_levels,
    label_axes,
    name_levels,
    padded,
    panel,
    step_axis,
)

FAR = 5  # largest ratio between the numbers of a panel that a linear axis shows well
MOST_NAMED = 8  # entries with a colour and a name each


def parameter_course(
    steps: Sequence[Mapping[str, Any]], name: str, about: Mapping[str, Any], *, ax: Axes | None = None
) -> Axes:
    """Plot the path of one parameter over the steps, from its start towards the truth if that is known.

    The entries of a matrix have a colour each, their names at the ends of their lines, and their truth as a thin
    line of the same colour; the axis is logarithmic if their values differ by more than a factor `FAR`.

    Parameters
    ----------
    steps
        The log, as in ``Fit.history_``.
    name
        Of the parameter.
    about
        Its row of ``result.json``.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If the log holds no value of it.
    """
    found = entries(about)
    walked = path(name, thinned(steps), found)
    if walked is None:
        raise UserError(f"The log of the fit holds no value of a parameter {name!r}: was it fitted?")
    x, values = walked
    with panel(ax) as axes:
        levels = (
            _paint_scalar(axes, x, values, found[0]) if len(found) == 1 else _paint_entries(axes, x, values, found)
        )
        step_axis(axes, x)
        label_axes(axes, "step", clipped(str(about.get("unit") or "")))
        name_levels(axes, levels)
    return axes


def has_path(steps: Sequence[Mapping[str, Any]], name: str, about: Mapping[str, Any]) -> bool:
    """Whether the log holds a parameter."""
    return path(name, thinned(steps), entries(about)) is not None


def _paint_scalar(axes: Axes, x: np.ndarray, values: np.ndarray, entry: Entry) -> list[Level]:
    levels = [Level(entry.initial, "start", MUTED, "-"), Level(entry.truth, "truth", TRUTH, "--")]
    draw_levels(axes, levels)
    _paint_path(axes, x, values[:, 0], END)
    axes.set_ylim(*padded([*values[:, 0], entry.initial, entry.truth]))
    return levels


def _paint_entries(axes: Axes, x: np.ndarray, values: np.ndarray, found: Sequence[Entry]) -> list[Level]:
    named = len(found) <= MOST_NAMED
    colours = [colour for _, colour in zip(found, cycle(ENTRIES if named else [END]), strict=False)]
    truths = enumerate(zip(found, colours, strict=True))
    draw_levels(axes, [Level(entry.truth, "", colour, _dashes(i)) for i, (entry, colour) in truths], width=0.8)
    for column, colour in zip(values.T, colours, strict=True):
        _paint_path(axes, x, column, colour)
    _scale(axes, np.array([*values.ravel(), *(entry.truth for entry in found)]))
    ends = zip(found, values[-1], colours, strict=True)
    return [Level(end, entry.name, colour, "-") for entry, end, colour in ends] if named else []


def _dashes(i: int) -> tuple[float, tuple[float, float]]:
    """Dashes that fall into the gaps of those of the neighbours in a 2 x 2 matrix: equal truths are both seen."""
    return 5.0 * ((i + i // 2) % 2), (5, 5)


def _paint_path(axes: Axes, x: np.ndarray, values: np.ndarray, colour: str) -> None:
    axes.plot(x, values, color=colour)
    axes.plot(x[-1:], values[-1:], "o", color=colour, markersize=3.2)


def _scale(axes: Axes, shown: np.ndarray) -> None:
    """Limits around all values, and a logarithmic axis if they are positive and far apart."""
    shown = shown[np.isfinite(shown)]
    if shown.min() <= 0 or shown.max() <= FAR * shown.min():
        axes.set_ylim(*padded(shown))
        return
    axes.set_yscale("log")
    axes.set_ylim(*np.exp(padded(np.log(shown))))
    decades = np.log10(shown.max() / shown.min())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades <= 2 else (1,)))
