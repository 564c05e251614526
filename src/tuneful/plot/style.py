"""How figures look: colours, axes, levels with a name, and the panel of a figure of one's own."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

# Every colour has a role, by which a page lets it follow light and dark mode.
ROLES = {
    "ink": "#1b1f24",
    "muted": "#69707a",
    "rule": "#d9dde2",
    "data": "#b4bac3",
    "start": "#b86e00",
    "end": "#0067a5",
    "truth": "#00806a",
    "paper": "#fefefe",
    "entry-1": "#a3260f",
    "entry-2": "#3a7fd5",
    "entry-3": "#b07d00",
    "entry-4": "#6f2c91",
}
INK, MUTED, RULE, DATA, START, END, TRUTH, PAPER, *ENTRIES = ROLES.values()
SIZE = (2.75, 1.95)  # inches, of a panel in a page, which scales it
WIDE = (4.1, 1.95)
LARGER = 1.45  # a panel of its own, times
ROUND = [1, 2, 2.5, 5, 10]  # steps between ticks
MOST_POINTS = 300  # of a line: more cannot be seen and would bloat the page
NEAREST_NAMES = 0.1  # of the height of a panel

STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of units and statistics may contain dollar signs
    "font.family": ["DejaVu Sans"],  # wider than the page's font, so what fits here fits there
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.4,
    "path.simplify_threshold": 0.3,
}
ON_PAPER = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.h_pad": 0.06,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.4,
    "pdf.fonttype": 42,  # text stays text in an editor
    "svg.hashsalt": "tuneful",
}


@dataclass(frozen=True)
class Level:
    """A horizontal line with its name in the right margin; `dashes` is a line style of matplotlib."""

    value: float
    name: str
    colour: str
    dashes: str | tuple[float, tuple[float, float]]


@contextlib.contextmanager
def styled(**changes: object) -> Iterator[None]:
    """A context in which figures look like this, whatever the settings of matplotlib are."""
    with matplotlib.style.context(STYLE | changes, after_reset=True):
        yield


@contextlib.contextmanager
def panel(ax: Axes | None, size: tuple[float, float] = SIZE) -> Iterator[Axes]:
    """Give the axes to paint on: those that are given, or those of a new figure, with a legend of what is named.

    Parameters
    ----------
    ax
        Axes of somebody's own figure, which keep their look.
    size
        Of the new figure if there is none, in inches as in a page.
    """
    if ax is not None:
        yield ax
        return
    from matplotlib import pyplot  # chooses where figures are shown, which pages and files do not need

    with styled(**ON_PAPER):
        figure = pyplot.figure(figsize=(LARGER * size[0], LARGER * size[1]), layout="constrained")
        axes = figure.add_subplot()
        round_ticks(axes)
        yield axes
        add_legend(figure, [axes])


def add_legend(figure: Figure, panels: Sequence[Axes]) -> int:
    """Name above all panels what has a name in any of them, each once; return in how many rows."""
    named = {}
    for axes in panels:
        handles, names = axes.get_legend_handles_labels()
        named |= {name: handle for handle, name in zip(handles, names, strict=True) if name not in named}
    if not named:
        return 0
    columns = max(1, min(len(named), int(15 * figure.get_figwidth() / max(len(name) + 6 for name in named))))
    figure.legend(named.values(), named.keys(), loc="outside upper left", ncols=columns)
    return -(-len(named) // columns)


def round_ticks(axes: Axes) -> None:
    """Few ticks at round numbers."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=ROUND))


def literal(text: str) -> str:
    """A name for axes of somebody's own, where dollar signs may stand for formulas."""
    return text.replace("$", r"\$") if mpl.rcParams["text.parse_math"] else text


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes and write numbers plainly, without offsets or powers."""
    axes.set_xlabel(literal(x), labelpad=2)
    axes.set_ylabel(literal(y), labelpad=5)
    plain = FuncFormatter(lambda value, _: tick(value))
    axes.yaxis.set_major_formatter(plain)
    axes.yaxis.set_minor_formatter(NullFormatter())
    if not isinstance(axes.xaxis.get_major_locator(), FixedLocator):  # fixed places have names
        axes.xaxis.set_major_formatter(plain)


def tick(value: float) -> str:
    """A number beside an axis, short enough for the margin."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "−")
    return f"{value:.5g}".replace("-", "−")


def drawn_points(n: int) -> np.ndarray:
    """Indices of at most `MOST_POINTS` of n points of a line, evenly spread, the first and the last included."""
    return np.unique(np.linspace(0, n - 1, MOST_POINTS).round().astype(int))[:n]


def draw_levels(axes: Axes, levels: Sequence[Level], width: float = 1) -> None:
    """Draw the known levels across the panel, behind the curves."""
    for level in _known(levels):
        axes.axhline(level.value, color=level.colour, linestyle=level.dashes, linewidth=width, zorder=1)


def name_levels(axes: Axes, levels: Sequence[Level]) -> None:
    """Name the known levels in the right margin, each name once and moved apart where they would overlap."""
    first = {level.name: level for level in reversed(_known(levels))}
    named = sorted(first.values(), key=lambda level: level.value)
    to_panel = axes.transScale + axes.transLimits
    heights = _apart([to_panel.transform((0, level.value))[1] for level in named], NEAREST_NAMES)
    for level, height in zip(named, heights, strict=True):
        place = {"transform": axes.transAxes, "va": "center", "fontsize": 8}
        axes.text(1.025, height, literal(level.name), color=level.colour, **place)


def _known(levels: Sequence[Level]) -> list[Level]:
    return [level for level in levels if math.isfinite(level.value)]


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Increasing heights, neighbours at least so far apart; those that were too close move as a group."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _lowest(groups[-2], least) + least * len(groups[-2]) > _lowest(groups[-1], least):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_lowest(group, least) + least * i for group in groups for i in range(len(group))]


def _lowest(group: Sequence[float], least: float) -> float:
    """Where a group of names begins that is centred on its members, though not below the panel."""
    return max(sum(group) / len(group) - least * (len(group) - 1) / 2, 0)


def padded(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Limits around the finite values, never so tight that the numbers on the axis would look alike."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    low, high = float(finite.min()), float(finite.max())
    pad = max(0.08 * (high - low), 0.03 * max(abs(low), abs(high)), 1e-12)
    return low - pad, high + pad


def step_axis(axes: Axes, steps: Sequence[float] | np.ndarray) -> None:
    """Whole steps from 0 to the last."""
    finite = [s for s in steps if math.isfinite(s)]
    last = max(finite, default=1)
    axes.set_xlim(min(0, *finite, 0), last * 1.02 if last > 0 else 1)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND, integer=True))


def clipped(text: str) -> str:
    """The text, cut where it would be longer than the axis that it names."""
    return text if len(text) <= 22 else text[:21] + "…"
