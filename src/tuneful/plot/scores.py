"""What comparisons, tests and designs say: scores of runs, distances of simulated sets, errors of candidates."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from tuneful.curves.comparison import is_rejected
from tuneful.plot import strips
from tuneful.plot.style import (
    DATA,
    END,
    MUTED,
    RULE,
    SIZE,
    START,
    TRUTH,
    WIDE,
    clipped,
    label_axes,
    literal,
    padded,
    panel,
)

CANDIDATES = 12  # of a design that are drawn, the best
ROW = 0.24  # inches


def comparison(table: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Plot how much worse than the best each run predicts unseen units, with two standard errors, the best on top.

    Parameters
    ----------
    table
        The content of ``compare.json``.
    ax
        Where to paint; by default in a new figure.
    """
    runs = table["runs"]
    middle, error = [run["difference"] for run in runs], [2 * run["difference_error"] for run in runs]
    with panel(ax, (WIDE[0], height(len(runs)))) as axes:
        heights = list(range(len(runs)))[::-1]
        axes.axvline(0, color=RULE, linewidth=1)
        axes.errorbar(middle, heights, xerr=error, fmt="o", color=END, ecolor=MUTED, markersize=5, capsize=0)
        axes.set_ylim(-0.6, len(runs) - 0.4)
        axes.set_xlim(*padded([m + s * e for m, e in zip(middle, error, strict=True) for s in (-1, 1)] + [0.0]))
        label_axes(axes, "difference of energy scores", "")
        axes.set_yticks(heights, [literal(clipped(run["name"])[:9]) for run in runs])
    return axes


def height(rows: int) -> float:
    """Of a panel with so many rows, in inches."""
    return max(SIZE[1], ROW * rows + 0.6)


def goodness(table: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Plot the energy distances of sets that a circuit simulated, with a line at that of the measured units.

    Parameters
    ----------
    table
        The content of ``goodness.json``.
    ax
        Where to paint; by default in a new figure.
    """
    simulated, measured = np.asarray(table["simulated"]), table["distance"]
    with panel(ax, WIDE) as axes:
        low, high = padded([*simulated, measured])
        axes.hist(simulated, bins=np.linspace(low, high, 30).tolist(), color=DATA, label="simulated sets")
        colour = START if is_rejected(table["p_value"]) else END
        axes.axvline(measured, color=colour, linewidth=2, label="measured units")
        label_axes(axes, "energy distance", "sets")
    return axes


def design(table: Mapping[str, Any], *, ax: Axes | None = None) -> Axes:
    """Plot standard errors with each of the best candidate conditions, with those chosen, and now.

    Parameters
    ----------
    table
        The content of ``design.json``.
    ax
        Where to paint; by default in a new figure.
    """
    rows = table["candidates"][:CANDIDATES]
    with panel(ax, (WIDE[0], strips.height(len(rows)))) as axes:
        heights = list(range(len(rows)))[::-1]
        for level, row in zip(heights, rows, strict=True):
            strips.name_row(axes, row["name"], level)
        axes.plot([row["error"] for row in rows], heights, "o", color=END, markersize=5, label="with one candidate")
        axes.axvline(table["now"], color=MUTED, linestyle="--", linewidth=1.2, label="now")
        axes.axvline(table["then"], color=TRUTH, linewidth=1.5, label="with all chosen")
        axes.set_xlim(*padded([*(row["error"] for row in rows), table["now"], table["then"]]))
        axes.set_ylim(-0.5, len(rows) - 0.25)
        label_axes(axes, "standard error", "")
        axes.set_yticks([])
    return axes
