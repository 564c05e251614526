"""The section on intervals: a table, what trades against what, and figures."""

from typing import Any

from tuneful.report.fit.content import ReportContent
from tuneful.report.fit.inference_figures import correlation_figure, intervals_figure, spectrum_figure
from tuneful.report.fit.intervals import IntervalEntry, intervals_of
from tuneful.report.numbers import DASH, count, percent

NAMES = {"sandwich": "sandwich", "bootstrap": "weighted bootstrap", "profile": "profile"}


def section(content: ReportContent) -> dict[str, Any] | None:
    """What the template shows of an inference; None if there is none."""
    table = content.inference
    if not table:
        return None
    parts = [(about, intervals_of(name, about)) for name, about in table["parameters"].items()]
    entries = [entry for _, own in parts for entry in own]
    names, matrix = table["correlation"]["names"], table["correlation"]["matrix"]
    panels = [{"title": "Intervals", "note": "dotted: open on that side", "svg": intervals_figure(entries)}]
    if len(names) > 1:
        deviations = [one["standard_deviation"] for one in table["combinations"]]
        note = "of the logarithms of positive parameters"
        panels.append({"title": "Correlations", "note": note, "svg": correlation_figure(names, matrix)})
        panels.append({"title": "Combinations", "note": note, "svg": spectrum_figure(deviations)})
    return {
        "lead": _lead(table),
        "rows": [_row(about, entry) for about, own in parts for entry in own],
        "any_truth": any(entry.truth for entry in entries),
        "panels": [panel for panel in panels if panel["svg"]],
        "combinations": [one["words"] for one in table["combinations"]],
        "remarks": table["remarks"],
        "others": [NAMES[name] for name in table["methods"] if name != table["method"]],
    }


def _lead(table: dict[str, Any]) -> str:
    """How the intervals were found, in a sentence or two."""
    drawn = f" in {count(table['clusters'], 'cluster')} of one {table['clusters_by']}" if table["clusters_by"] else ""
    said = f"{percent(table['level'])} intervals by {NAMES[table['method']]}"
    said += f", from {count(table['units'], 'unit')}{drawn}"
    share = table.get("simulation_share")
    if share is None:
        return f"{said}."
    return f"{said}; {percent(share)} of a variance, at most, comes from the finite number of simulated curves."


def _row(about: dict[str, Any], entry: IntervalEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "value": entry.value,
        "interval": entry.interval,
        "truth": entry.truth or DASH,
        "identified": entry.verdict,
        "unit": about.get("unit") or DASH,
    }
