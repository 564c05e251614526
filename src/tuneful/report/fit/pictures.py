"""Pictures of a fit: the panels of its page by the names of plots, of all labels together."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.figure import Figure

from tuneful.plot.selection import Pair, finite_rates, nearest, unit_labels
from tuneful.plot.sheets import Panel, sheet
from tuneful.report.fit import inference_section, panels, prediction_section
from tuneful.report.fit.content import ReportContent
from tuneful.report.pictures import Pictures, overview, panels_of

OVERVIEW = {"population": 1, "curves": 3, "distributions": 4, "trajectories": 4}  # panels of each
OF_UNITS = ("curves", "projections")


def pictures(content: ReportContent, units: Sequence[str] = ()) -> Pictures:
    """What can be shown of a fit, by name.

    Parameters
    ----------
    content
        Of the page.
    units
        Whose curves are shown, by name; a few that span the data by default.
    """
    top = panels.top(content)
    of_parts: dict[str, Callable[[ReportContent], list[Panel]]] = {
        "population": panels.population,
        "curves": lambda part: panels.curves(part, _pairs(part, units)),
        "distributions": panels.distributions,
        "distances": lambda part: panels.distances(part, top),
        "means": panels.means,
        "projections": lambda part: panels.projections(part, _pairs(part, units)),
        "prediction": prediction_section.panels,
    }
    whole = {
        "trajectories": partial(_trajectories, content),
        "course": partial(panels.course, content),
        "inference": lambda: inference_section.panels(dict(content.inference)) if content.inference else [],
    }
    found = {name: partial(_of_all, make, content) for name, make in of_parts.items()} | whole
    return {"overview": partial(overview, found, OVERVIEW)} | found


def figure(content: ReportContent, what: str, only: Sequence[str] = ()) -> Figure:
    """One picture of a fit, of a panel each for the names of `only`, or of all.

    Raises
    ------
    UserError
        If there is no such picture or panel.
    """
    units = only if what in OF_UNITS else ()
    return sheet(panels_of(pictures(content, units), what, only))


def _of_all(make: Callable[[ReportContent], list[Panel]], content: ReportContent) -> list[Panel]:
    """The panels of every label, whose name ends their titles."""
    made = [(part.whose, panel) for part in content.parts() for panel in make(part)]
    return [dataclasses.replace(panel, title=f"{panel.title}{whose}") for whose, panel in made]


def _pairs(part: ReportContent, units: Sequence[str]) -> list[Pair]:
    """Named units, which may be fitted ones, or a selection of those held out."""
    if not units:
        return panels.pairs(part)
    names, generated = unit_labels(part.measured), finite_rates(part.end)
    rates = part.measured["rate"].values
    return [
        Pair(name, rates[names.index(name)], nearest(rates[names.index(name)], generated))
        for name in units
        if name in names
    ]


def _trajectories(content: ReportContent) -> list[Panel]:
    about = (content.result.get("parameters") or {}).items()
    found = [panels.trajectory(content, name, entry, str(entry.get("symbol") or name)) for name, entry in about]
    return [panel for panel in found if panel is not None]
