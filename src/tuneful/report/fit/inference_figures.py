"""Figures of an inference: intervals side by side, correlations, and what combinations are known to."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from tuneful.report.figures import END, INK, MUTED, RULE, SIZE, START, TRUTH, WIDE, clipped, draw, label_axes
from tuneful.report.fit.intervals import IntervalEntry

WIDEST = 12.0  # factor from the estimate to the ends of the axis: open sides go there
LEVELS = {"a quarter": 0.25, "a factor of e": 1.0}


def intervals_figure(entries: Sequence[IntervalEntry]) -> Markup | None:
    """Intervals of positive entries relative to their estimates, open sides dashed; None if there is none."""
    shown = [entry for entry in entries if entry.numbers[0] > 0]
    if not shown:
        return None

    def paint(axes: Axes) -> None:
        axes.axvline(1, color=RULE, linewidth=1)
        for row, entry in enumerate(shown):
            value, low, high, truth = entry.numbers
            for side, end in ((low, 1 / WIDEST), (high, WIDEST)):
                is_open = math.isnan(side)
                ratio = end if is_open else np.clip(side / value, 1 / WIDEST, WIDEST)
                axes.plot([1, ratio], [row, row], color=END, linewidth=2, linestyle=":" if is_open else "-")
            axes.plot([1], [row], "o", color=END, markersize=4.5)
            if truth > 0:
                axes.plot([np.clip(truth / value, 1 / WIDEST, WIDEST)], [row], "|", color=TRUTH, markersize=9, mew=2)
        axes.set_xscale("log")
        axes.set_xlim(0.9 * min(_reach(shown), 0.7), 1.1 / min(_reach(shown), 0.7))
        label_axes(axes, "over the estimate", "")
        axes.xaxis.set_minor_formatter(NullFormatter())
        _name_rows(axes, [entry.name for entry in shown])

    return draw(paint, "Intervals of the parameters, over their estimates", size=_size(len(shown)))


def correlation_figure(names: Sequence[str], matrix: Any) -> Markup:
    """Correlations of the estimates: blue together, brown against each other, the fainter the nearer to zero."""
    found = np.asarray(matrix, float)

    def paint(axes: Axes) -> None:
        for i, j in np.ndindex(found.shape):
            if i == j or not math.isfinite(found[i, j]):
                continue
            place = {"facecolor": END if found[i, j] > 0 else START, "alpha": round(float(abs(found[i, j])), 2)}
            axes.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, linewidth=0, **place))
        axes.set_xlim(-0.5, len(names) - 0.5)
        label_axes(axes, "", "")
        _name_rows(axes, names)
        axes.xaxis.set_major_locator(FixedLocator(range(len(names))))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: clipped(str(names[round(x)]))))
        axes.tick_params(axis="x", labelrotation=60)

    return draw(paint, "Correlations of the estimated parameters", size=_size(len(names)))


def spectrum_figure(deviations: Sequence[float]) -> Markup:
    """Standard deviations along the combinations, the stiff ones first, on a logarithmic axis."""

    def paint(axes: Axes) -> None:
        numbers = np.arange(1, len(deviations) + 1)
        for name, level in LEVELS.items():
            axes.axhline(level, color=MUTED, linestyle="--", linewidth=1)
            axes.text(len(deviations) + 0.4, level, name, color=MUTED, fontsize=8, va="bottom", ha="right")
        axes.plot(numbers, np.maximum(deviations, 1e-4), "o-", color=INK, markersize=4)
        axes.set_yscale("log")
        axes.set_xlim(0.5, len(deviations) + 0.5)
        label_axes(axes, "combination, stiff ones first", "known to (log)")

    return draw(paint, "Standard deviations of combinations of parameters", size=WIDE)


def _reach(shown: Sequence[IntervalEntry]) -> float:
    """The smallest ratio that has to be on the axis; its inverse is, too."""
    ratios = [1.0]
    for entry in shown:
        value, *others = entry.numbers
        known = [x / value for x in others if math.isfinite(x) and x > 0]
        ratios += [min(ratio, 1 / ratio) for ratio in known] + [1 / WIDEST] * (any(map(math.isnan, others[:2])))
    return max(min(ratios), 1 / WIDEST)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.yaxis.set_major_locator(FixedLocator(range(len(names))))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: clipped(str(names[round(y)]))))
    axes.tick_params(axis="y", labelsize=min(8.0, max(5.5, 52 / max(map(len, names)))))  # as wide as the margin


def _size(rows: int) -> tuple[float, float]:
    return WIDE[0], max(SIZE[1], 0.24 * rows + 0.6)
