"""Intervals of parameters in words: one number after the other, with sides that are open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.report.fit.parameters import entry_names
from tuneful.report.numbers import as_float, number


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


def intervals_of(name: str, about: Mapping[str, Any]) -> list[IntervalEntry]:
    """The entries of one parameter, in the order of its rows."""
    shape = np.shape(about["value"])
    n = int(np.prod(shape))
    sides = np.reshape(np.asarray(about["interval"], float), (n, 2))
    values, truths = (_flat(about.get(key), n) for key in ("value", "truth"))
    words, reasons = (np.ravel(np.asarray(about[key], dtype=object)).tolist() for key in ("identified", "why"))
    return [
        IntervalEntry(
            f"{name}_{entry}" if entry else name, number(values[i]), interval(*sides[i]),
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


def _flat(values: Any, n: int) -> list[float]:
    found = [as_float(value) for value in np.ravel(np.asarray(values, dtype=object))]
    return found if len(found) == n else [float("nan")] * n
