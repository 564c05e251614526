"""Panels of a page: what is painted, under which title, as inline SVG that follows the colours of the page."""

import re
import warnings
from io import StringIO
from typing import Any

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from tuneful.plot.sheets import Panel, margins_of
from tuneful.plot.style import ROLES, round_ticks, styled

BY_COLOUR = {colour: f"var(--{role}, {colour})" for role, colour in ROLES.items()}


def view(panel: Panel) -> dict[str, Any]:
    """What a template shows of a panel."""
    return {"title": panel.title, "note": panel.note, "svg": draw(panel)}


def draw(panel: Panel) -> Markup | None:
    """A panel as inline SVG; None where there is nothing to be painted."""
    if panel.paint is None:
        return None
    salt = {"svg.hashsalt": panel.description}  # ids of different panels must not meet in one page
    with styled(**salt), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser has fonts for what DejaVu lacks
        figure = Figure(figsize=panel.size)
        axes = figure.add_axes(margins_of(panel))
        round_ticks(axes)
        panel.paint(ax=axes)
        stream = StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing)
    return _inline(stream.getvalue(), panel.description)


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
