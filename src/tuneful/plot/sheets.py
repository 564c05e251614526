"""Several panels in one figure, each under its title."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tuneful.plot.style import ON_PAPER, SIZE, add_legend, literal, round_ticks, styled

COLUMNS = 4  # panels of the usual width in a row
HEADING = 0.45  # inches, of a title and its note
KEY = 0.3  # inches, of what all panels share


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
    """

    title: str
    note: str
    paint: Callable[..., object] | None
    description: str
    right: float = 0.96
    size: tuple[float, float] = SIZE
    margins: tuple[float, float, float, float] | None = None


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
    widths = max(sum(panel.size[0] for panel in row) for row in rows)
    heights = [max(panel.size[1] for panel in row) + HEADING for row in rows]
    with styled(**ON_PAPER):
        figure = Figure(figsize=(widths, sum(heights) + KEY), layout="constrained")
        grid = figure.add_gridspec(len(rows), 1, height_ratios=heights)
        cells = [grid[i].subgridspec(1, most)[j] for i, row in enumerate(rows) for j in range(len(row))]
        painted = [figure.add_subplot(cell) for cell in cells]
        for axes, panel in zip(painted, shown, strict=True):
            _paint(axes, panel)
        add_legend(figure, painted)
    return figure


def _paint(axes: Axes, panel: Panel) -> None:
    round_ticks(axes)
    if panel.paint is not None:
        panel.paint(ax=axes)
    axes.set_title(literal(panel.title) + ("\n" if panel.note else ""), pad=5)
    place = {"xycoords": "axes fraction", "xytext": (0, 4), "textcoords": "offset points", "annotation_clip": False}
    axes.annotate(literal(panel.note), (0, 1), fontsize=7.5, **place)


def _columns(panels: Sequence[Panel], most: int) -> int:
    widest = max(panel.size[0] for panel in panels)
    return max(1, min(most, len(panels), int(most * SIZE[0] / widest)))
