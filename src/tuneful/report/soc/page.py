"""The page of a stabilised circuit, or of any weight matrix: what its template shows."""

import os
from collections.abc import Mapping
from typing import Any

from tuneful.files import write_atomically
from tuneful.numbers import DASH, number
from tuneful.plot import matrices
from tuneful.report.document import made_by, render_template
from tuneful.report.figures import view
from tuneful.report.soc.content import SocContent
from tuneful.report.soc.panels import panels
from tuneful.report.soc.wording import SCALARS, answer, deciding, facts, has_published_settings
from tuneful.report.wording import apart, capitalised, good

HOLDS, VIOLATED = good("holds"), apart("violated")


def write_soc_report(content: SocContent, path: str | os.PathLike[str]) -> None:
    """Write the page, all of it or nothing.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_atomically(path, render_soc(content))


def render_soc(content: SocContent) -> str:
    """The page as one HTML document that needs nothing else; its numbers are in the element ``tuneful-result``."""
    result, shown = content.result, panels(content)
    about = made_by(result) | {
        "answer": answer(result),
        "decides": deciding(result),
        "facts": facts(result),
        "warnings": result["warnings"],
        "spectra": [view(panel) for panel in shown["spectra"]],
        "target": result.get("target"),
        "course": [view(panel) for panel in shown["abscissa"]],
        "matrices": [view(panel) for panel in shown["weights"]],
        "energies": [view(panel) for panel in shown["energies"]],
        "activity": [view(panel) for panel in shown["activity"]],
        "norms": [view(panel) for panel in shown["transients"]],
        "limit": number(matrices.robust_limit(content.weights)),
        "pixels": matrices.PIXELS,
        "block": matrices.block_size(len(content.weights)),
        "checks": [_check(check) for check in result.get("checks", [])],
        "scalars": _scalars(result),
        "applies": has_published_settings(result),
    }
    return render_template("soc/page.html.jinja", about)


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": capitalised(check["name"]),
        "value": number(check["value"], 7),
        "wanted": ("≤ " if check["name"] == "abscissa" else "") + number(check["wanted"], 7),
        "verdict": HOLDS if check["holds"] else VIOLATED,
    }


def _scalars(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = result["scalars"]
    return [
        {
            "name": capitalised(scalar.name),
            "key": scalar.key,
            "meaning": scalar.meaning,
            "published": scalar.published,
            "value": DASH if values.get(scalar.key) is None else number(values[scalar.key]),
        }
        for scalar in SCALARS
    ]
