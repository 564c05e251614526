"""How numbers are written, in pages and in the terminal."""

import math
from typing import Any

import numpy as np

DASH = "–"


def as_float(value: Any) -> float:
    """A number, or NaN for everything that is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def as_floats(value: Any) -> np.ndarray:
    """A number or a sequence of numbers as an array (k,), NaN for what is none."""
    return np.array([as_float(item) for item in np.asarray(value, dtype=object).ravel()])


def number(value: Any, digits: int = 3) -> str:
    """A value with some significant digits; sequences in brackets; an en-dash for what is not there."""
    if isinstance(value, str):
        return value or DASH
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, np.ndarray | list | tuple) and np.ndim(value) > 0:
        return f"({', '.join(number(item, digits) for item in value)})"
    x = as_float(value)
    if not math.isfinite(x):
        return DASH if math.isnan(x) else ("∞" if x > 0 else "−∞")
    plain = x == 0 or 1e-4 <= abs(x) < 1e7
    text = f"{x:,.0f}" if plain and abs(x) >= 10**digits else f"{x:.{digits}g}"
    return text.replace("-", "−")


def distance(value: Any) -> str:
    """A Kolmogorov-Smirnov distance, three decimals."""
    x = as_float(value)
    return f"{x:.3f}" if math.isfinite(x) else DASH


def percent(value: Any, signed: bool = False) -> str:
    """A fraction in per cent."""
    x = 100 * as_float(value)
    if not math.isfinite(x):
        return DASH
    digits = 0 if x == 0 or abs(x) >= 10 else 1
    return f"{x:{'+' if signed else ''}.{digits}f} %".replace("-", "−")


def duration(seconds: Any) -> str:
    """A time in the units that one would say it in."""
    s = as_float(seconds)
    if not math.isfinite(s):
        return DASH
    if s < 60:
        return f"{s:.1f} s" if s < 10 else f"{s:.0f} s"
    minutes, s = divmod(round(s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {s:02d} s"


def count(number_of: Any, thing: str) -> str:
    """``1 step``, ``2 steps``, ``– steps``."""
    return f"{number(number_of)} {thing}{'' if number_of == 1 else 's'}"
