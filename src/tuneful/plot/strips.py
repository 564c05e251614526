"""What jobs of a study found, setting by setting."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from tuneful.plot.style import END, MUTED, PAPER, RULE, SIZE, TRUTH, WIDE, label_axes, literal, padded, panel

MOST = 20  # settings
ROW = 0.42  # inches of each
LONGEST = 60  # characters of its name


def by_setting(
    groups: Sequence[tuple[str, np.ndarray]], name: str, truth: float = float("nan"), *, ax: Axes | None = None
) -> Axes:
    """Plot a point for every job and a bar at their mean, a row for every setting, the first on top.

    Parameters
    ----------
    groups
        The name of every setting, and the values of its jobs, one or more.
    name
        Of the values.
    truth
        Is marked by a line if it is finite.
    ax
        Where to paint; by default in a new figure.
    """
    shown = groups[:MOST]
    heights = np.arange(len(shown))[::-1]
    with panel(ax, (WIDE[0], height(len(shown)))) as axes:
        if np.isfinite(truth):
            axes.axvline(truth, color=TRUTH, linestyle=(0, (5, 3)), zorder=1)
        for level, (label, values) in zip(heights, shown, strict=True):
            axes.axhline(level, color=RULE, linewidth=0.6, zorder=0)
            name_row(axes, label, level)
            axes.plot(values, np.full(len(values), level), "o", color=END, markersize=4, alpha=0.6)
            axes.plot([np.mean(values)] * 2, [level - 0.28, level + 0.28], color=MUTED, linewidth=1.6)
        axes.set_ylim(-0.5, len(shown) - 0.25)
        axes.set_xlim(*padded(np.concatenate([values for _, values in shown] + [np.array([truth])])))
        label_axes(axes, name, "")
        axes.set_yticks([])
    return axes


def name_row(axes: Axes, label: str, level: float) -> None:
    """Write what a row is of above it."""
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
    place = {"xycoords": axes.get_yaxis_transform(), "xytext": (2, 8), "textcoords": "offset points"}
    axes.annotate(literal(label[:LONGEST]), (0, level), fontsize=7, color=MUTED, bbox=box, **place)


def height(rows: int) -> float:
    """Of a panel with so many settings, in inches."""
    return max(SIZE[1], ROW * min(rows, MOST))
