"""Predictions with bands over a feature of the conditions, beside what was measured and what is true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from tuneful.numbers import as_floats, number
from tuneful.plot.style import (
    END,
    ENTRIES,
    INK,
    MUTED,
    START,
    TRUTH,
    WIDE,
    Level,
    clipped,
    label_axes,
    name_levels,
    padded,
    panel,
)

COLOURS = (END, START, *ENTRIES)  # of types
AXES = {
    "rate_mean": "mean ({unit})",
    "rate_spread": "spread ({unit})",
    "inhibition_stabilised": "part",
    "full_response": "response (Hz)",
    "linear_response": "response (Hz)",
    "lowered": "part",
}
SHARES = {name for name, title in AXES.items() if title == "part"}


@dataclass(frozen=True, eq=False)
class Group:
    """Conditions along one feature, where others that vary have the values in words.

    places
        Values of the feature, increasing.
    numbers
        Of the conditions.
    """

    where: str
    along: str
    places: np.ndarray
    numbers: np.ndarray


def groups(table: Mapping[str, Any]) -> list[Group]:
    """The conditions of ``predictions.json`` along the feature with most values, by the others."""
    n = len(table["new"])
    arrays = {name: np.asarray(values) for name, values in table["conditions"].items()}
    varying = {
        name: len(np.unique(v)) for name, v in arrays.items() if len(np.unique(v)) > 1 and v.dtype.kind in "fi"
    }
    if not varying:
        return [Group("", "condition", np.arange(n, dtype=float), np.arange(n))]
    along = max(varying, key=lambda name: varying[name])
    others = [name for name in varying if name != along]
    combinations = list(zip(*(arrays[name].tolist() for name in others), strict=True)) or [()] * n
    found = []
    for combination in dict.fromkeys(combinations):
        own = np.array([i for i in range(n) if combinations[i] == combination])
        own = own[np.argsort(arrays[along][own], kind="stable")]
        where = ", ".join(f"{name} = {number(value)}" for name, value in zip(others, combination, strict=True))
        found.append(Group(where, along, arrays[along][own].astype(float), own))
    return found


def predicted(
    table: Mapping[str, Any],
    quantity: str = "rate_mean",
    *,
    label: str = "",
    given: str = "",
    at: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Plot a predicted quantity with its band; triangles mark new conditions, diamonds the truth, dots the data.

    Parameters
    ----------
    table
        The content of ``predictions.json``.
    quantity
        ``rate_mean``, ``rate_spread``, ``inhibition_stabilised``, ``full_response``, ``linear_response``, ...
    label
        Of the cells, for rates, where there are several.
    given
        The type that gets input, for responses; each type that responds is a line.
    at
        Values of further features that vary, as in "contrast = 10"; the first by default.
    ax
        Where to paint; by default in a new figure.
    """
    found = groups(table)
    group = next((one for one in found if one.where == at), found[0])
    rows = [row for row in table["rows"] if row["quantity"] == quantity and _is_of(row["where"], label, given)]
    kinds = list(dict.fromkeys(row["where"].get("type", "") for row in rows))
    with panel(ax, WIDE) as axes:
        seen, ends = [np.zeros(1)], list[Level]()
        for kind, colour in zip(kinds, COLOURS, strict=False):
            own = [row for row in rows if row["where"].get("type", "") == kind]
            columns = {name: _column(own, name, group) for name in ("value", "low", "high", "truth")}
            _paint_band(axes, group, columns, colour, kind)
            seen += [*columns.values()]
            ends.append(Level(float(columns["value"][-1]), kind, colour, "-"))
        if quantity == "rate_mean":
            measured = as_floats(table["measured"][label])[group.numbers]
            seen.append(_paint_points(axes, group, measured, INK, "o", "measured"))
        _frame(axes, group, np.concatenate(seen), AXES[quantity].format(**table))
        if quantity in SHARES:
            axes.set_ylim(0, 1)
        _mark_new(axes, group.places[np.array(table["new"])[group.numbers]])
        name_levels(axes, [end for end in ends if end.name])
    return axes


def _is_of(where: Mapping[str, str], label: str, given: str) -> bool:
    return where.get("label", label) == label and where.get("input", given) == given


def _column(rows: Sequence[Mapping[str, Any]], name: str, group: Group) -> np.ndarray:
    return as_floats([row.get(name) for row in rows])[group.numbers]


def _paint_band(axes: Axes, group: Group, columns: Mapping[str, np.ndarray], colour: str, kind: str) -> None:
    band = {"color": colour, "alpha": 0.2, "linewidth": 0}
    axes.fill_between(group.places, columns["low"], columns["high"], **band)
    axes.plot(group.places, columns["value"], color=colour, label=kind or "predicted")
    _paint_points(axes, group, columns["truth"], TRUTH, "D", "truth")


def _paint_points(axes: Axes, group: Group, values: np.ndarray, colour: str, marker: str, name: str) -> np.ndarray:
    if np.isfinite(values).any():
        axes.plot(group.places, values, marker, color=colour, markersize=3.6, zorder=3, label=name)
    return values


def _frame(axes: Axes, group: Group, seen: np.ndarray, name: str) -> None:
    low, high = padded(seen)
    is_signed = bool((seen < 0).any())
    axes.set_ylim(low if is_signed else 0, max(high, 0.01))
    if is_signed:
        axes.axhline(0, color=MUTED, linewidth=0.7)
    axes.set_xlim(*padded(group.places))
    label_axes(axes, clipped(group.along), name)


def _mark_new(axes: Axes, places: np.ndarray) -> None:
    if len(places):
        below = {"transform": axes.get_xaxis_transform(), "clip_on": False, "zorder": 4, "markersize": 3.6}
        axes.plot(places, np.full(len(places), 0.02), "^", color=END, label="new condition", **below)
