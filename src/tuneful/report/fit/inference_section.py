"""The section on intervals: a table, what trades against what, and figures."""

from functools import partial
from typing import Any

from tuneful.numbers import DASH, count, percent
from tuneful.plot import estimates
from tuneful.plot.entries import IntervalEntry, intervals_of
from tuneful.plot.sheets import Panel
from tuneful.plot.style import WIDE
from tuneful.report.figures import view
from tuneful.report.fit.content import ReportContent

NAMES = {"sandwich": "sandwich", "bootstrap": "weighted bootstrap", "profile": "profile"}


def section(content: ReportContent) -> dict[str, Any] | None:
    """What the template shows of an inference; None if there is none."""
    table = content.inference
    if not table:
        return None
    parts = [(about, intervals_of(name, about)) for name, about in table["parameters"].items()]
    entries = [entry for _, own in parts for entry in own]
    return {
        "lead": _lead(table),
        "rows": [_row(about, entry) for about, own in parts for entry in own],
        "any_truth": any(entry.truth for entry in entries),
        "panels": [view(panel) for panel in panels(table)],
        "combinations": [one["words"] for one in table["combinations"]],
        "remarks": table["remarks"],
        "others": [NAMES[name] for name in table["methods"] if name != table["method"]],
    }


def panels(table: dict[str, Any]) -> list[Panel]:
    """Intervals, and what trades against what where there are several numbers."""
    shown, names = estimates.shown_entries(table), table["correlation"]["names"]
    intervals = Panel(
        "Intervals", "over the estimate; dotted: open on that side", partial(estimates.intervals, table),
        "Intervals of the parameters, over their estimates", size=estimates.sized(len(shown)),
    )  # fmt: skip
    found = [intervals] if shown else []
    if len(names) > 1:
        note = "of the logarithms of positive parameters"
        said = "Correlations of the estimated parameters", "Standard deviations of combinations of parameters"
        trades, known = partial(estimates.correlations, table), partial(estimates.combinations, table)
        found.append(Panel("Correlations", note, trades, said[0], size=estimates.sized(len(names))))
        found.append(Panel("Combinations", note, known, said[1], size=WIDE))
    return found


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
