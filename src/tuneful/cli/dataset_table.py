"""What was read from a source, as one table for a terminal, and what looks wrong."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import describe, features, named_conditions
from tuneful.curves.plausibility import doubts
from tuneful.numbers import count
from tuneful.plain import printable
from tuneful.readers.names import bare, feature_name, normal
from tuneful.readers.reading import Reading
from tuneful.readers.roles import Column, Role

MOST = 12  # lines of one kind, and values in a line, that are shown
FEW = 6  # conditions by name
MANY = 20  # values of a feature at which it may be none
WIDEST = 48  # characters of a cell


def check_table(reading: Reading) -> str:
    """Plain lines that say what a source holds.

    Parameters
    ----------
    reading
        A dataset, the roles of its columns, and what was decided.

    Returns
    -------
    Lines: sizes and ranges; a table with the role of every column, its values, and why it has that role; which
    conditions are missing together; and what looks wrong.
    """
    dataset, found = reading.dataset, describe(reading.dataset)
    names = named_conditions(features(dataset), found["n_conditions"])
    rows = [(c.name, str(c.role), _values(c, dataset, found), c.why) for c in reading.columns]
    lines = [*_sizes(dataset, found), "", *_aligned(("column", "role", "values", "why"), rows)]
    lines += ["", f"statistics: {' '.join(found['statistics'])}", *_missing(found, names), ""]
    wrong = [*doubts(dataset), *_seldom_meant(found)]
    lines += [f"note: {note}" for note in reading.notes]
    lines += [f"looks wrong: {sentence}" for sentence in wrong] or ["looks wrong: nothing was found."]
    return printable("\n".join(lines))


def _sizes(dataset: xr.Dataset, found: dict[str, Any]) -> Iterator[str]:
    low, high = found["rate_range"]
    yield f"{found['n_units']} units in {found['n_conditions']} conditions"
    yield f"responses from {low:.4g} to {high:.4g} {found['rate_unit']}"
    if "n_trials" in dataset:
        trials = dataset["n_trials"].values
        fewest, most = np.nanmin(trials), np.nanmax(trials)
        yield f"{fewest:g} to {most:g} trials a condition" if fewest < most else f"{most:g} trials a condition"


def _values(column: Column, dataset: xr.Dataset, found: dict[str, Any]) -> str:
    """The values of a column, in short."""
    name = column.name.removeprefix("unit.")
    if column.role is Role.FEATURE and (feature := found["features"].get(feature_name(name))):
        unit = f" ({feature['unit']})" if feature["unit"] else ""
        return f"{_listed([f'{value:g}' for value in feature['values']])}{unit}"
    known = next((one for one in (name, bare(name), normal(name)) if one in dataset.coords), name)
    if column.role is Role.PROPERTY and known in dataset.coords:
        counts = found["labels"].get(known)
        if counts:
            return _listed([f"{value} ({n})" for value, n in counts.items()])
        values = dataset[known].values
        if values.dtype.kind in "iuf" and np.isfinite(values).any():
            return f"{np.nanmin(values):g} to {np.nanmax(values):g}"
        return f"{found['units'][known]} different"
    if column.role is Role.UNIT:
        return _listed(dataset["unit"].values.tolist())
    if column.role is Role.CONDITION and "condition" in dataset.coords:
        return _listed(list(dict.fromkeys(dataset["condition"].values.tolist())))
    return ""


def _listed(values: Sequence[str]) -> str:
    shown = " ".join(values[:MOST])
    short = (
        shown
        if len(shown) <= WIDEST - 12
        else f"{' '.join(shown[: WIDEST - 12].split(' ')[:-1] or [shown[:20]])} ..."
    )
    return short if len(values) <= MOST and short == shown else f"{short.removesuffix(' ...')} ... ({len(values)})"


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns of equal width, the first ones of them."""
    shown = rows if len(rows) <= MOST + 1 else rows[:MOST]
    cells = [[printable(cell, WIDEST) for cell in row] for row in (header, *shown)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header) - 1)]
    lines = ["  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in cells]
    return lines if len(shown) == len(rows) else [*lines, f"and {len(rows) - len(shown)} columns more"]


def _listed_names(names: Sequence[str]) -> str:
    """The first of several names that may hold commas."""
    more = [f"and {len(names) - FEW} more"] if len(names) > FEW else []
    return "; ".join([*names[:FEW], *more])


def _missing(found: dict[str, Any], names: Sequence[str]) -> Iterator[str]:
    """Which conditions are missing together, the most frequent ones."""
    if found["missing_fraction"] == 0:
        yield "missing: nothing, every unit was measured in every condition"
        return
    yield f"missing: {100 * found['missing_fraction']:.3g} % of the entries; {found['n_complete']} units are complete"
    patterns = [pattern for pattern in found["missing_patterns"] if pattern["n_missing"]]
    for pattern in patterns[:MOST]:
        which = _listed_names([names[int(i)] for i in pattern["missing"]])
        yield f"  {count(pattern['n_units'], 'unit')} without {pattern['n_missing']} of the conditions: {which}"
    if len(patterns) > MOST:
        yield f"  and {len(patterns) - MOST} patterns more"


def _seldom_meant(found: dict[str, Any]) -> Iterator[str]:
    """Sentences on units and conditions that are allowed and seldom meant."""
    n_units, n_silent, n_constant = found["n_units"], found["n_silent"], found["n_constant"]
    if n_silent:
        yield f"{n_silent} of {n_units} units never respond (every rate is 0): were they recorded?"
    if n_constant > n_silent:
        yield f"{n_constant - n_silent} of {n_units} units have one rate in all of their conditions."
    if found["n_complete"] == 0:
        yield "No unit was measured in every condition."
        for name, feature in found["features"].items():
            if len(feature["values"]) > MANY:
                yield (
                    f"Feature '{name}' has {len(feature['values'])} values: if it counts trials, average with "
                    f"--average, or leave it out with --option ignore={name}."
                )
