"""The page of a comparison: what its template shows."""

import os
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes

from tuneful.files import write_atomically
from tuneful.plain import plain
from tuneful.report.document import render_template
from tuneful.report.figures import END, MUTED, RULE, WIDE, clipped, draw, label_axes, padded
from tuneful.report.numbers import DASH, number
from tuneful.report.wording import Verdict, apart, flattened, good


def write_comparison(table: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the page, all of it or nothing.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_atomically(path, render_comparison(table))


def render_comparison(table: Mapping[str, Any]) -> str:
    """The page as one HTML document that needs nothing else; `table` is the content of compare.json."""
    view = {
        "answer": table["verdict"],
        "facts": _facts(table),
        "versions": ", ".join(f"{name} {version}" for name, version in table["versions"].items()),
        "rows": [_row(run) for run in table["runs"]],
        "pairs": table["pairs"],
        "figures": [{"title": "How much worse than the best", "note": "± 2 standard errors", "svg": _figure(table)}],
        "command": table.get("command"),
        "settings": flattened(table["settings"]),
        "numbers": plain({key: value for key, value in table.items() if key != "scores"}),
    }
    return render_template("compare/page.html.jinja", view)


def _facts(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    clusters = table["clusters"]
    who = f"{table['units']} units" + (f", {clusters['number']} clusters by {clusters['name']}" if clusters else "")
    how = f"cross-fitted, {table['folds']} folds" if table["folds"] else "held out by all runs"
    data = next((about["data"] for about in table.get("circuits", ())), DASH)
    return [
        ("Data", str(data)),
        ("Units", f"{who}, {how}"),
        ("Runs", ", ".join(run["path"] for run in table["runs"])),
    ]


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    worse = f"{number(run['difference'], 3)} ± {number(run['difference_error'], 2)}"
    return {
        "name": run["name"],
        "score": f"{number(run['score'], 4)} ± {number(run['error'], 2)}",
        "worse": worse if run["difference_error"] else DASH,
        "verdict": _verdict(run),
    }


def _verdict(run: Mapping[str, Any]) -> Verdict:
    if not run["difference_error"]:
        return good("best score")
    return apart("worse") if run["difference"] > 2 * run["difference_error"] else Verdict("unknown", "=", "as good")


def _figure(table: Mapping[str, Any]) -> Markup:
    """Differences to the best with error bars, the best on top."""
    runs = table["runs"]
    middle, error = [run["difference"] for run in runs], [2 * run["difference_error"] for run in runs]

    def paint(axes: Axes) -> None:
        heights = list(range(len(runs)))[::-1]
        axes.axvline(0, color=RULE, linewidth=1)
        axes.errorbar(middle, heights, xerr=error, fmt="o", color=END, ecolor=MUTED, markersize=5, capsize=0)
        axes.set_yticks(heights, [clipped(run["name"])[:9] for run in runs])
        axes.set_ylim(-0.6, len(runs) - 0.4)
        axes.set_xlim(*padded([m + s * e for m, e in zip(middle, error, strict=True) for s in (-1, 1)] + [0.0]))
        label_axes(axes, "difference of energy scores", "")
        axes.set_yticks(heights, [clipped(run["name"])[:9] for run in runs])

    return draw(paint, "Differences of energy scores to the best run, with two standard errors", size=WIDE)
