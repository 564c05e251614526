"""Parameters of a circuit, number by number: a matrix has one entry for each of its places, a scalar is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.numbers import as_float, as_floats, number


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


@dataclass(frozen=True)
class IntervalEntry:
    """One number of a parameter of `inference.json`: texts, and the numbers behind them (NaN: open, not known)."""

    name: str
    value: str
    interval: str
    truth: str
    identified: str
    why: str
    numbers: tuple[float, float, float, float]  # value, low, high, truth

    @property
    def verdict(self) -> str:
        """Whether it is identified, and why not."""
        return f"{self.identified}: {self.why}" if self.why else self.identified


def entries(about: Mapping[str, Any]) -> list[Entry]:
    """The entries of one parameter of the result, in the order of its rows."""
    shape = next((np.shape(about[key]) for key in ("value", "initial", "truth") if about.get(key) is not None), ())
    names = entry_names(shape, about.get("entries"))
    columns = [_numbers(about.get(key), len(names)) for key in ("initial", "value", "truth", "standard_error")]
    flags = np.ravel(np.asarray(about.get("identified"), dtype=object)).tolist()
    flags = [str(flag or "") for flag in flags] if len(flags) == len(names) else [""] * len(names)
    return [Entry(*about_one) for about_one in zip(names, *columns, flags, strict=True)]


def full_name(parameter: str, entry: str) -> str:
    """What an entry of a parameter is called: J_EE, or sigma of a scalar.

    >>> full_name("J", "EE"), full_name("sigma", "")
    ('J_EE', 'sigma')
    """
    return f"{parameter}_{entry}" if entry else parameter


def entry_names(shape: Sequence[int], given: Any) -> list[str]:
    """What tells the entries of a parameter of that shape apart: given names, or indices from 1; "" for a scalar."""
    if not shape:
        return [""]
    separator = "" if max(shape) < 10 else ","
    indices = [separator.join(str(i + 1) for i in place) for place in np.ndindex(*shape)]
    named = [] if given is None else [str(name) for name in np.ravel(np.asarray(given, dtype=object))]
    return named if len(named) == len(indices) else indices


def _numbers(values: Any, n: int) -> list[float]:
    """The n numbers of a scalar, vector or matrix; one number stands for all, and a wrong number for none."""
    found = as_floats(values)
    return np.broadcast_to(found if len(found) in (1, n) else np.nan, n).tolist()


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


def intervals_of(name: str, about: Mapping[str, Any]) -> list[IntervalEntry]:
    """The intervals of one parameter of `inference.json`, in the order of its rows."""
    shape = np.shape(about["value"])
    n = int(np.prod(shape))
    sides = np.reshape(np.asarray(about["interval"], float), (n, 2))
    values, truths = (_exactly(about.get(key), n) for key in ("value", "truth"))
    words, reasons = (np.ravel(np.asarray(about[key], dtype=object)).tolist() for key in ("identified", "why"))
    return [
        IntervalEntry(
            full_name(name, entry), number(values[i]), interval(*sides[i]),
            number(truths[i]) if np.isfinite(truths[i]) else "", str(words[i]), str(reasons[i]),
            (values[i], *sides[i].tolist(), truths[i]),
        )
        for i, entry in enumerate(entry_names(shape, about.get("entries")))
    ]  # fmt: skip


def interval(low: float, high: float) -> str:
    """An interval with open sides in words.

    >>> interval(1.0, 2.0), interval(float("nan"), 2.0), interval(1.0, float("nan"))
    ('1 to 2', 'below 2', 'above 1')
    """
    if np.isnan(low) and np.isnan(high):
        return "open"
    if np.isnan(low):
        return f"below {number(high)}"
    return f"above {number(low)}" if np.isnan(high) else f"{number(low)} to {number(high)}"


def _exactly(values: Any, n: int) -> list[float]:
    found = as_floats(values).tolist()
    return found if len(found) == n else [float("nan")] * n
