"""Arguments of the functions on weight matrices: numbers are numbers and counts are whole, said by name if not."""

import numbers
from typing import Any


def check_numbers(**values: Any) -> None:
    """Refuse values that are not real numbers by a `ValueError`; None, for a default, is fine.

    >>> check_numbers(target="0.5")
    Traceback (most recent call last):
    ValueError: target must be a number, not '0.5'.
    """
    for name, value in values.items():
        if value is not None and (not isinstance(value, numbers.Real) or isinstance(value, bool)):
            raise ValueError(f"{name} must be a number, not {shown(value)}.")


def check_counts(least: int = 0, **values: Any) -> None:
    """Refuse values that are not whole numbers from `least` on by a `ValueError`; None is fine.

    >>> check_counts(least=1, patience=2.5)
    Traceback (most recent call last):
    ValueError: patience must be a whole number, 1 or more, not 2.5.
    """
    for name, value in values.items():
        is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if value is not None and not (is_whole and int(value) >= least):
            raise ValueError(f"{name} must be a whole number, {least} or more, not {shown(value)}.")


def shown(value: Any) -> str:
    """A value as it may stand in a sentence: short.

    >>> shown("x" * 100)
    'a str'
    """
    text = repr(value)
    return text if len(text) <= 30 and "\n" not in text else f"a {type(value).__name__}"
