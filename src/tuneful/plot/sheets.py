"""Several panels in one figure, each under its title."""

import os
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneful.files import replacing
from tuneful.plot.style import ON_PAPER, SIZE, add_legend, literal, round_ticks, styled

COLUMNS = 4  # panels of the usual width in a row
LINE = 0.19  # inches, of a title or its note
LETTERS = 10  # of a title, to an inch
KEY = 0.22  # inches, of a row of what all panels share
EDGE = 0.05  # inches, around all
RESOLUTION = 200  # points per inch, of pictures made of points
# What would differ between two times of writing is left out.
FORMATS: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}


@dataclass(frozen=True)
class Panel:
    """What is painted on one pair of axes.

    title, note
        Above it.
    paint
        Called with the keyword `ax`; None where there is nothing to be seen, which a page says.
    description
        Read aloud; it differs between the panels of a page.
    right
        Where the axes end in a panel of the usual width: margins are the same in wider ones.
    size
        In inches, as in a page.
    margins
        Left, bottom, width and height of the axes, if not the usual ones.
    name
        By which it is asked for, beside its title: that of a statistic, a parameter, a unit.
    """

    title: str
    note: str
    paint: Callable[..., object] | None
    description: str
    right: float = 0.96
    size: tuple[float, float] = SIZE
    margins: tuple[float, float, float, float] | None = None
    name: str = ""


def sheet(panels: Sequence[Panel], columns: int = COLUMNS) -> Figure:
    """Paint panels in rows of one figure, with a legend of what has a name in any of them.

    Parameters
    ----------
    panels
        Those without anything to be seen are left out.
    columns
        At most in a row; fewer where panels are wide.
    """
    shown = [panel for panel in panels if panel.paint is not None]
    most = _columns(shown, columns)
    rows = [shown[i : i + most] for i in range(0, len(shown), most)]
    with styled(**ON_PAPER):
        figure = Figure(figsize=(max(sum(panel.size[0] for panel in row) for row in rows), 1))
        painted = [[_painted(figure, panel) for panel in row] for row in rows]
        key = KEY * add_legend(figure, [axes for row in painted for axes in row])
        heights = [max(panel.size[1] + _heading(panel) for panel in row) for row in rows]
        figure.set_figheight(key + sum(heights) + EDGE)
        for i, row in enumerate(rows):
            bottom = sum(heights[i + 1 :]) + EDGE
            for j, panel in enumerate(row):
                corner = sum(other.size[0] for other in row[:j]), bottom
                painted[i][j].set_position(_inside(figure, panel, corner))
    return figure


def _painted(figure: Figure, panel: Panel) -> Axes:
    axes = figure.add_axes((0, 0, 1, 1))
    round_ticks(axes)
    if panel.paint is not None:
        panel.paint(ax=axes)
    axes.set_title(literal(_title(panel)) + ("\n" if panel.note else ""), pad=5, linespacing=1.25)
    place = {"xycoords": "axes fraction", "xytext": (0, 5), "textcoords": "offset points", "annotation_clip": False}
    axes.annotate(literal(panel.note), (0, 1), fontsize=7.5, **place)
    return axes


def _inside(figure: Figure, panel: Panel, corner: tuple[float, float]) -> tuple[float, float, float, float]:
    """Where a page has the axes in a panel whose lower left corner is there, in inches; in fractions of a figure."""
    (width, height), (x, y, w, h) = figure.get_size_inches(), margins_of(panel)
    left, bottom = corner[0] + x * panel.size[0], corner[1] + y * panel.size[1]
    return left / width, bottom / height, w * panel.size[0] / width, h * panel.size[1] / height


def margins_of(panel: Panel) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of the axes in a panel: the same distances from its sides in wider ones."""
    if panel.margins is not None:
        return panel.margins
    left, sides = 0.21 * SIZE[0], (1.21 - panel.right) * SIZE[0]
    return left / panel.size[0], 0.215, 1 - sides / panel.size[0], 0.735


def _title(panel: Panel) -> str:
    return textwrap.fill(panel.title, max(12, int(LETTERS * panel.size[0])))


def _heading(panel: Panel) -> float:
    return LINE * (_title(panel).count("\n") + 1 + bool(panel.note))


def _columns(panels: Sequence[Panel], most: int) -> int:
    widest = max(panel.size[0] for panel in panels)
    return max(1, min(most, len(panels), int(most * SIZE[0] / widest)))


def write_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a .png, .svg or .pdf file, all of it or nothing; the same figure gives the same bytes.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is kept then.
    """
    form = Path(path).suffix.lower()
    with styled(**ON_PAPER), replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a box stands for what the font lacks
        figure.savefig(temporary, format=form[1:], dpi=RESOLUTION, metadata=FORMATS[form])
