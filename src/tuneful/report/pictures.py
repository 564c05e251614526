"""Pictures of a result: the panels of its page, or those that are asked for, by the names of plots."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from tuneful.errors import UserError, suggest
from tuneful.plot.sheets import Panel
from tuneful.plot.style import SIZE

Pictures = Mapping[str, Callable[[], list[Panel]]]


def panels_of(pictures: Pictures, what: str, only: Sequence[str] = ()) -> list[Panel]:
    """The panels of one picture.

    Parameters
    ----------
    pictures
        What there is, by name.
    what
        One of the names.
    only
        Names of panels: statistics, parameters, or titles; all by default.

    Raises
    ------
    UserError
        If there is no such picture or panel, or nothing to be seen in it.
    """
    if what not in pictures:
        raise UserError(f"There is no plot {what!r} of it: choose one of {', '.join(pictures)}.")
    panels = [panel for panel in pictures[what]() if panel.paint is not None]
    if not panels:
        raise UserError(f"There is nothing to be seen in {what} of it: choose another plot.")
    return chosen(panels, only) if only else panels


def chosen(panels: Sequence[Panel], only: Sequence[str]) -> list[Panel]:
    """The panels that are named, in the order of their names; of several labels, those of all."""
    found = []
    for name in only:
        own = [panel for panel in panels if name in (panel.name, panel.title)]
        if not own:
            names = list(dict.fromkeys(panel.name or panel.title for panel in panels))
            raise UserError(f"There is no panel {name!r} among {', '.join(names)}.{suggest(name, names)}")
        found += own
    return found


def overview(pictures: Pictures, shown: Mapping[str, int]) -> list[Panel]:
    """The first panels of some pictures, as many as said, all of the usual size."""
    made = [panel for name, most in shown.items() for panel in pictures[name]()[:most]]
    return [dataclasses.replace(panel, size=SIZE) for panel in made]
