"""What an inference says: intervals side by side, correlations, and what combinations of parameters are known to."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from tuneful.errors import UserError
from tuneful.plot.entries import IntervalEntry, intervals_of
from tuneful.plot.style import END, INK, MUTED, RULE, SIZE, START, TRUTH, WIDE, clipped, label_axes, literal, panel

TICKS = ((0.05, (0.1, 0.2, 0.5, 1, 2, 5, 10)), (0.3, (0.7, 1.5)))  # where the axis begins above this, these, too
WIDEST = 12.0  # factor from the estimate to the ends of the axis: open sides go there
LEAST = 1e-4  # of a standard deviation: smaller ones are drawn there
LEVELS = {"a quarter": 0.25, "a factor of e": 1.0}


def intervals(inference: Any, *, ax: Axes | None = None) -> Axes:
    """Plot intervals of positive entries relative to their estimates, open sides dotted, true values as ticks.

    Parameters
    ----------
    inference
        An `Inference`, or its table as in ``inference.json``.
    ax
        Where to paint; by default in a new figure.

    Raises
    ------
    UserError
        If no estimate is positive.
    """
    shown = shown_entries(inference)
    if not shown:
        raise UserError("No estimate is positive, and intervals are shown relative to them: see the table instead.")
    with panel(ax, sized(len(shown))) as axes:
        axes.axvline(1, color=RULE, linewidth=1)
        for row, entry in enumerate(shown):
            _paint_interval(axes, row, entry)
        axes.set_xscale("log")
        left = 0.9 * min(_reach(shown), 0.7)
        axes.set_xlim(left, 1.1 * 0.9 / left)
        label_axes(axes, "over the estimate", "")
        axes.xaxis.set_minor_formatter(NullFormatter())
        known = [tick for least, more in TICKS if left > least for tick in more]
        ticks = sorted(tick for tick in known if left < tick < 1 / left)
        if ticks:  # else powers of ten
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        _name_rows(axes, [entry.name for entry in shown])
    return axes


def shown_entries(inference: Any) -> list[IntervalEntry]:
    """The entries of an inference that are positive, and can be shown over their estimates."""
    about = table_of(inference)["parameters"]
    return [entry for name, row in about.items() for entry in intervals_of(name, row) if entry.numbers[0] > 0]


def table_of(inference: Any) -> Mapping[str, Any]:
    """The content of inference.json, of an `Inference` or of itself."""
    return inference if isinstance(inference, Mapping) else inference.table()


def correlations(inference: Any, *, ax: Axes | None = None) -> Axes:
    """Plot correlations of the estimates: blue together, brown against each other, the fainter the nearer to zero.

    Parameters
    ----------
    inference
        An `Inference`, or its table as in ``inference.json``.
    ax
        Where to paint; by default in a new figure.
    """
    table = table_of(inference)
    names, found = table["correlation"]["names"], np.asarray(table["correlation"]["matrix"], float)
    with panel(ax, sized(len(names))) as axes:
        for i, j in np.ndindex(found.shape):
            if i == j or not math.isfinite(found[i, j]):
                continue
            place = {"facecolor": END if found[i, j] > 0 else START, "alpha": round(float(abs(found[i, j])), 2)}
            axes.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, linewidth=0, **place))
        axes.set_xlim(-0.5, len(names) - 0.5)
        label_axes(axes, "", "")
        _name_rows(axes, names)
        axes.xaxis.set_major_locator(FixedLocator(range(len(names))))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: literal(clipped(str(names[round(x)])))))
        axes.tick_params(axis="x", labelrotation=60)
    return axes


def combinations(inference: Any, *, ax: Axes | None = None) -> Axes:
    """Plot to what combinations of parameters are known, stiff ones first: standard deviations of their logarithms.

    Parameters
    ----------
    inference
        An `Inference`, or its table as in ``inference.json``.
    ax
        Where to paint; by default in a new figure.
    """
    deviations = [one["standard_deviation"] for one in table_of(inference)["combinations"]]
    with panel(ax, WIDE) as axes:
        numbers = np.arange(1, len(deviations) + 1)
        for name, level in LEVELS.items():
            axes.axhline(level, color=MUTED, linestyle="--", linewidth=1)
            axes.text(len(deviations) + 0.4, level, name, color=MUTED, fontsize=8, va="bottom", ha="right")
        axes.plot(numbers, np.maximum(deviations, LEAST), "o-", color=INK, markersize=4)
        axes.set_yscale("log")
        axes.set_xlim(0.5, len(deviations) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        label_axes(axes, "combination, stiff ones first", "known to (log)")
    return axes


def sized(rows: int) -> tuple[float, float]:
    """The size of a panel of so many rows, in inches."""
    return WIDE[0], max(SIZE[1], 0.24 * rows + 0.6)


def _paint_interval(axes: Axes, row: int, entry: IntervalEntry) -> None:
    value, low, high, truth = entry.numbers
    for side, end in ((low, 1 / WIDEST), (high, WIDEST)):
        is_open = math.isnan(side)
        ratio = end if is_open else np.clip(side / value, 1 / WIDEST, WIDEST)
        axes.plot([1, ratio], [row, row], color=END, linewidth=2, linestyle=":" if is_open else "-")
    axes.plot([1], [row], "o", color=END, markersize=4.5)
    if truth > 0:
        axes.plot([np.clip(truth / value, 1 / WIDEST, WIDEST)], [row], "|", color=TRUTH, markersize=9, mew=2)


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
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: literal(clipped(str(names[round(y)])))))
    axes.tick_params(axis="y", labelsize=min(8.0, max(5.5, 52 / max(map(len, names)))))  # as wide as the margin
