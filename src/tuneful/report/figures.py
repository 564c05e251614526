"""How figures are drawn: colours, axes, levels with a name, and one panel as inline SVG."""

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO

import matplotlib.style
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

# Every colour has a role, and becomes a variable of the style sheet so that figures follow light and dark mode.
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
BY_COLOUR = {colour: f"var(--{role}, {colour})" for role, colour in ROLES.items()}
SIZE = (2.75, 1.95)  # inches; the page scales it
WIDE = (4.1, 1.95)
ROUND = [1, 2, 2.5, 5, 10]  # steps between ticks
MOST_POINTS = 300  # of a line: more cannot be seen and would bloat the page

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


@dataclass(frozen=True)
class Level:
    """A horizontal line with its name in the right margin; `dashes` is a line style of matplotlib."""

    value: float
    name: str
    colour: str
    dashes: str | tuple[float, tuple[float, float]]


def draw(
    paint: Callable[[Axes], None], description: str, right: float = 0.96, size: tuple[float, float] = SIZE
) -> Markup:
    """One panel as inline SVG; `description` is read aloud and must differ between the panels of a page.

    `right` is where the axes end in a panel of the usual width: margins are the same in wider ones.
    """
    salt = {"svg.hashsalt": description}  # ids of different panels must not meet in one page
    with matplotlib.style.context(STYLE | salt, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser has fonts for what DejaVu lacks
        figure = Figure(figsize=size)
        left, margins = 0.21 * SIZE[0], (1.21 - right) * SIZE[0]
        axes = figure.add_axes((left / size[0], 0.215, 1 - margins / size[0], 0.735))
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND))
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=ROUND))
        paint(axes)
        stream = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing)
    return _inline(stream.getvalue(), description)


def _inline(document: str, description: str) -> Markup:
    """The drawing without prolog, size and group ids, its colours replaced by variables of the page."""
    size = re.search(r'viewBox="[^"]*"', document)
    drawing = document[document.index(">", document.index("<svg")) + 1 :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", drawing)
    drawing = re.sub(r"(fill|stroke): (#[0-9a-f]{6})", lambda m: f"{m[1]}: {BY_COLOUR.get(m[2], m[2])}", drawing)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    tag = f'<svg {names} {size[0] if size else ""} role="img" aria-label="{escape(description)}">'
    return Markup(tag + drawing.strip())


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Name both axes and write numbers plainly, without offsets or powers."""
    axes.set_xlabel(x, labelpad=2)
    axes.set_ylabel(y, labelpad=5)
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
    heights = _apart([to_panel.transform((0, level.value))[1] for level in named], 0.1)
    for level, height in zip(named, heights, strict=True):
        place = {"transform": axes.transAxes, "va": "center", "fontsize": 8}
        axes.text(1.025, height, level.name, color=level.colour, **place)


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
