"""Roots of increasing functions: Newton's method that never leaves a bracket."""

from typing import Any

import numpy as np


def bracketed_newton(point: Any, low: Any, high: Any, gap: Any, slope: Any, xp: Any = np) -> tuple[Any, Any, Any]:
    """Take one step towards the root of an increasing function, from its value `gap` and `slope` at `point`.

    `point` replaces one end of the bracket, which holds the root. The next point is Newton's if it lies inside, else
    the middle; while the upper end is infinite, as far again from the lower one. A slope of NaN says that there is
    none. Works on scalars, and on traced or batched values with `xp=jax.numpy`.

    Returns
    -------
    The next point and the ends of the bracket.

    >>> point, low, high = 1.0, 0.0, np.inf
    >>> for _ in range(6):
    ...     point, low, high = bracketed_newton(point, low, high, point**2 - 2, 2 * point)
    >>> round(float(point), 12)
    1.414213562373
    """
    beyond = point + (point - low)
    low, high = xp.where(gap < 0, point, low), xp.where(gap < 0, high, point)
    newton = point - gap / slope
    middle = xp.where(xp.isinf(high), beyond, (low + high) / 2)
    return xp.where((newton >= low) & (newton <= high), newton, middle), low, high
