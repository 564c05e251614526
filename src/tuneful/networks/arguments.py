"""Arguments of the functions on weight matrices: numbers are numbers and counts are whole, said by name if not."""

import numbers
from typing import Any

import numpy as np

LARGEST = 1e30  # of an array whose squares and sums are single-precision numbers, too, but for a few


def check_numbers(or_none: tuple[str, ...] = (), **values: Any) -> None:
    """Refuse values that are not real numbers by a `ValueError`; those named in `or_none` may be None.

    >>> check_numbers(target="0.5")
    Traceback (most recent call last):
    ValueError: target must be a number, not '0.5'.
    """
    for name, value in values.items():
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if not is_number and not (value is None and name in or_none):
            raise ValueError(f"{name} must be a number, not {shown(value)}.")


def check_counts(least: int = 0, or_none: tuple[str, ...] = (), **values: Any) -> None:
    """Refuse values that are not whole numbers from `least` on by a `ValueError`; those in `or_none` may be None.

    >>> check_counts(least=1, patience=2.5)
    Traceback (most recent call last):
    ValueError: patience must be a whole number, 1 or more, not 2.5.
    """
    for name, value in values.items():
        is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not (is_whole and int(value) >= least) and not (value is None and name in or_none):
            raise ValueError(f"{name} must be a whole number, {least} or more, not {shown(value)}.")


def real_array(name: str, values: Any) -> np.ndarray:
    """Convert to a float64 array of any shape; a `ValueError` for what is not real, or too large for float32.

    >>> real_array("initial", "abc")
    Traceback (most recent call last):
    ValueError: initial must be real numbers below 1e+30, not 'abc'.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # rows of different lengths
        array = np.empty(0, object)
    if array.dtype.kind not in "biuf" or (np.abs(array[np.isfinite(array)]) >= LARGEST).any():
        raise ValueError(f"{name} must be real numbers below {LARGEST:g}, not {shown(values)}.")
    return array.astype(np.float64)


def shown(value: Any) -> str:
    """A value as it may stand in a sentence: short.

    >>> shown("x" * 100)
    'a str'
    """
    text = repr(value)
    return text if len(text) <= 30 and "\n" not in text else f"a {type(value).__name__}"
