"""Parameters of a circuit, number by number: a matrix has one entry for each of its places, a scalar is one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.report.numbers import DASH, as_float, as_floats, number, percent
from tuneful.report.wording import symbol


@dataclass(frozen=True)
class Entry:
    """One number of a parameter at the start, at the end, and in truth (NaN where not known), and how well known.

    `name` tells it from the other entries (``EE``, or its indices from 1) and is empty for a scalar.
    """

    name: str
    initial: float
    value: float
    truth: float
    standard_error: float
    identified: str


def entries(about: Mapping[str, Any]) -> list[Entry]:
    """The entries of one parameter of the result, in the order of its rows."""
    shape = next((np.shape(about[key]) for key in ("value", "initial", "truth") if about.get(key) is not None), ())
    names = entry_names(shape, about.get("entries"))
    columns = [_flat(about.get(key), len(names)) for key in ("initial", "value", "truth", "standard_error")]
    flags = np.ravel(np.asarray(about.get("identified"), dtype=object)).tolist()
    flags = [str(flag or "") for flag in flags] if len(flags) == len(names) else [""] * len(names)
    return [Entry(*about_one) for about_one in zip(names, *columns, flags, strict=True)]


def entry_names(shape: Sequence[int], given: Any) -> list[str]:
    """What tells the entries of a parameter of that shape apart: given names, or indices from 1; "" for a scalar."""
    if not shape:
        return [""]
    separator = "" if max(shape) < 10 else ","
    indices = [separator.join(str(i + 1) for i in place) for place in np.ndindex(*shape)]
    named = [] if given is None else [str(name) for name in np.ravel(np.asarray(given, dtype=object))]
    return named if len(named) == len(indices) else indices


def _flat(values: Any, n: int) -> list[float]:
    """The n numbers of a scalar, vector or matrix; one number stands for all, and a wrong number for none."""
    found = as_floats(values)
    return np.broadcast_to(found if len(found) in (1, n) else np.nan, n).tolist()


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
    """The standard error in per cent of the value, and in words where the curves hardly fix it, or do not."""
    if entry.identified == "no":
        return "not identified"
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


def path(
    name: str, steps: Sequence[Mapping[str, Any]], found: Sequence[Entry]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Steps (k,) and the entries at each (k, n), the start as step 0; None if the log does not hold them."""
    logged = [(as_float(step.get("step")), as_floats((step.get("parameters") or {}).get(name))) for step in steps]
    rows = [(step, values) for step, values in logged if len(values) == len(found)]
    if not any(np.isfinite(values).any() for _, values in rows):
        return None
    if rows[0][0] > 0:
        rows.insert(0, (0.0, np.array([entry.initial for entry in found])))
    return np.array([step for step, _ in rows]), np.stack([values for _, values in rows])
