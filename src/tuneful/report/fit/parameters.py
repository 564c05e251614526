"""The table of parameters: start, end, truth, and how well the curves fix each number."""

import math
from collections.abc import Mapping
from typing import Any

from tuneful.numbers import DASH, number, percent
from tuneful.plot.entries import Entry, entries
from tuneful.report.wording import symbol


def table(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the table of parameters shows: one group of rows per parameter, one row per entry."""
    return [_group(str(name), about) for name, about in (result.get("parameters") or {}).items()]


def _group(name: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "meaning": about.get("meaning") or DASH,
        "unit": about.get("unit") or DASH,
        "fitted": bool(about.get("fitted", True)),
        "rows": [_row(entry, str(about.get("symbol") or name)) for entry in entries(about)],
    }


def _row(entry: Entry, whole: str) -> dict[str, Any]:
    return {
        "symbol": symbol(_indexed(whole, entry.name)),
        "initial": number(entry.initial),
        "value": number(entry.value),
        "truth": number(entry.truth),
        "error": _error(entry),
        "known_to": known_to(entry),
    }


def _indexed(whole: str, index: str) -> str:
    """``J`` -> ``J_EE``, and ``σ_l`` -> ``σ_l,EE``."""
    return whole + ("," if "_" in whole else "_") + index if index else whole


def _error(entry: Entry) -> str:
    """The relative error in per cent, if it is defined."""
    known = math.isfinite(entry.value) and math.isfinite(entry.truth) and entry.truth != 0
    return percent((entry.value - entry.truth) / abs(entry.truth), signed=True) if known else DASH


def known_to(entry: Entry) -> str:
    """The standard error in per cent of the value, and in words where this fit hardly bounds it, or does not."""
    if entry.identified == "no":
        return "open"
    if not math.isfinite(entry.standard_error) or not entry.value:
        return DASH
    known = "± " + percent(entry.standard_error / abs(entry.value))
    return known + ", weakly" if entry.identified == "weakly" else known


def any_error(result: Mapping[str, Any]) -> bool:
    """Whether it is known how well the curves fix any entry."""
    about = (result.get("parameters") or {}).values()
    return any(entry.identified for row in about for entry in entries(row))


def any_truth(result: Mapping[str, Any]) -> bool:
    """Whether the true value of any entry is known."""
    about = (result.get("parameters") or {}).values()
    return any(math.isfinite(entry.truth) for row in about for entry in entries(row))
