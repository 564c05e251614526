"""One number of several runs beside each other, with its interval or standard error, and the truth."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from tuneful.plot.style import END, MUTED, RULE, SIZE, TRUTH, WIDE, clipped, label_axes, literal, padded, panel

ROW = 0.24  # inches of each run
LONGEST = 9  # characters of a name beside the axis


@dataclass(frozen=True)
class Estimate:
    """A number of one run, the ends of its interval (NaN: open, or not known), and the truth (NaN: not known)."""

    run: str
    value: float
    low: float = math.nan
    high: float = math.nan
    truth: float = math.nan


def estimates(found: Sequence[Estimate], name: str, *, ax: Axes | None = None) -> Axes:
    """Plot a point and a bar for every run, the first on top; a dashed line at the truth, where it is one for all.

    Parameters
    ----------
    found
        One estimate a run; what is not finite leaves a row empty.
    name
        Of the number, with its unit.
    ax
        Where to paint; by default in a new figure.

    >>> from matplotlib.figure import Figure
    >>> axes = estimates([Estimate("a", 1.0, 0.5, 1.5), Estimate("b", 2.0)], "J (Hz)", ax=Figure().add_subplot())
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['a', 'b']
    """
    heights = list(range(len(found)))[::-1]
    truths = {one.truth for one in found if math.isfinite(one.truth)}
    shown = [x for one in found for x in (one.value, one.low, one.high, one.truth) if math.isfinite(x)]
    with panel(ax, (WIDE[0], height(len(found)))) as axes:
        if len(truths) == 1:
            axes.axvline(truths.pop(), color=TRUTH, linestyle=(0, (5, 3)), zorder=1)
        for level, one in zip(heights, found, strict=True):
            axes.axhline(level, color=RULE, linewidth=0.6, zorder=0)
            if math.isfinite(one.low) and math.isfinite(one.high):
                axes.plot([one.low, one.high], [level, level], color=MUTED, linewidth=1.6, zorder=2)
            axes.plot([one.value], [level], "o", color=END, markersize=5, zorder=3)
        axes.set_ylim(-0.6, len(found) - 0.4)
        if shown:
            axes.set_xlim(*padded(shown))
        label_axes(axes, name, "")
        axes.set_yticks(heights, [literal(_short(one.run)) for one in found])
    return axes


def height(rows: int) -> float:
    """Of a panel with so many runs, in inches."""
    return max(SIZE[1], ROW * rows + 0.6)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else clipped(name)[: LONGEST - 1] + "…"
