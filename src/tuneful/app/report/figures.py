"""How figures are drawn, and those of the fit itself: distances, parameters and loss over the steps."""

import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import matplotlib.style
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from tuneful.app.report.wording import as_float, as_floats

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
}
INK, MUTED, RULE, DATA, START, END, TRUTH, PAPER = ROLES.values()
BY_COLOUR = {colour: f"var(--{role}, {colour})" for role, colour in ROLES.items()}
SIZE = (2.75, 1.95)  # inches; the page scales it
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
    """A horizontal line with its name in the right margin."""

    value: float
    name: str
    colour: str
    dashes: str


def draw(paint: Callable[[Axes], None], description: str, right: float = 0.96) -> Markup:
    """One panel as inline SVG; `description` is read aloud and must differ between the panels of a page."""
    salt = {"svg.hashsalt": description}  # ids of different panels must not meet in one page
    with matplotlib.style.context(STYLE | salt, after_reset=True), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser has fonts for what DejaVu lacks
        figure = Figure(figsize=SIZE)
        axes = figure.add_axes((0.21, 0.215, right - 0.21, 0.735))
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


def thinned(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most `MOST_POINTS` of the steps, evenly spread, the first and the last included."""
    if len(steps) <= MOST_POINTS:
        return list(steps)
    return [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, MOST_POINTS).round().astype(int))]


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
        _step_axis(axes, steps)
        label_axes(axes, "step", "KS distance")
        draw_levels(axes, levels)
        name_levels(axes, levels)

    return draw(paint, f"KS distance over training: {title}", right=0.79)


def highest_distance(evaluations: Sequence[Mapping[str, Any]], statistics: Mapping[str, Any]) -> float:
    """The end of the common axis of all panels of KS distances."""
    shown = [as_float(v) for entry in evaluations for v in (entry.get("statistics") or {}).values()]
    shown += [as_float(entry.get(key)) for entry in statistics.values() for key in ("line", "floor")]
    return min(1.02, 1.1 * max((v for v in shown if math.isfinite(v)), default=0.9))


def parameter_figure(
    name: str, title: str, steps: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> Markup | None:
    """The path of one parameter over the steps, from its start towards the truth if that is known."""
    kept = thinned(steps)
    rows = [as_floats((entry.get("parameters") or {}).get(name)) for entry in kept]
    values = np.array(rows) if len({len(row) for row in rows}) == 1 else None
    if values is None or not np.isfinite(values).any():
        return None
    levels = [Level(value, "start", MUTED, "-") for value in as_floats(about.get("initial"))]
    levels += [Level(value, "truth", TRUTH, "--") for value in as_floats(about.get("truth"))]

    def paint(axes: Axes) -> None:
        draw_levels(axes, levels)
        x = [as_float(entry.get("step")) for entry in kept]
        axes.plot(x, values, color=END)
        axes.plot(x[-1:], values[-1:], "o", color=END, markersize=3.2)
        axes.set_ylim(*_padded([*values.ravel(), *(level.value for level in levels)]))
        _step_axis(axes, x)
        label_axes(axes, "step", _clipped(str(about.get("unit") or "")))
        name_levels(axes, levels)

    return draw(paint, f"Parameter over training: {title}", right=0.84)


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
            axes.set_ylim(*_padded(y))
        _step_axis(axes, x)
        label_axes(axes, "step", title.lower())

    return draw(paint, f"{title} over training")


def draw_levels(axes: Axes, levels: Sequence[Level]) -> None:
    """Draw the known levels across the panel, behind the curves."""
    for level in _known(levels):
        axes.axhline(level.value, color=level.colour, linestyle=level.dashes, linewidth=1, zorder=1)


def name_levels(axes: Axes, levels: Sequence[Level]) -> None:
    """Name the known levels in the right margin, each name once and moved apart where they would overlap."""
    first = {level.name: level for level in reversed(_known(levels))}
    named = sorted(first.values(), key=lambda level: level.value)
    low, high = axes.get_ylim()
    heights = _apart([(level.value - low) / (high - low) for level in named], 0.1)
    for level, height in zip(named, heights, strict=True):
        place = {"transform": axes.transAxes, "va": "center", "fontsize": 8}
        axes.text(1.025, height, level.name, color=level.colour, **place)


def _known(levels: Sequence[Level]) -> list[Level]:
    return [level for level in levels if math.isfinite(level.value)]


def _apart(heights: Sequence[float], least: float) -> list[float]:
    """Increasing heights, each pair of neighbours at least so far apart, moved as one group about its middle."""
    if len(heights) != 2 or heights[1] - heights[0] >= least:
        return list(heights)
    middle = max(sum(heights) / 2, least / 2)
    return [middle - least / 2, middle + least / 2]


def _padded(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Limits around the finite values, never so tight that the numbers on the axis would look alike."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    low, high = float(finite.min()), float(finite.max())
    pad = max(0.08 * (high - low), 0.03 * max(abs(low), abs(high)), 1e-12)
    return low - pad, high + pad


def _step_axis(axes: Axes, steps: Sequence[float] | np.ndarray) -> None:
    finite = [s for s in steps if math.isfinite(s)]
    last = max(finite, default=1)
    axes.set_xlim(min(0, *finite, 0), last * 1.02 if last > 0 else 1)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=ROUND, integer=True))


def _clipped(text: str) -> str:
    return text if len(text) <= 22 else text[:21] + "…"
