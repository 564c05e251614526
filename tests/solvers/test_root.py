"""Newton's method in a bracket."""

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.solvers.root import bracketed_newton


def solve(f, slope, point, low, high, steps):
    for _ in range(steps):
        point, low, high = bracketed_newton(point, low, high, f(point), slope(point))
    return point


def test_newton_where_it_works():
    assert solve(lambda x: x**3 - 2, lambda x: 3 * x**2, 1.0, 0.0, 2.0, 6) == pytest.approx(2 ** (1 / 3), abs=1e-15)


def test_bisection_where_newton_leaves_the_bracket():
    """Newton diverges on arctan from 3; the bracket brings it back."""
    assert solve(np.arctan, lambda x: 1 / (1 + x**2), 3.0, -4.0, 5.0, 12) == pytest.approx(0, abs=1e-12)


def test_expansion_where_there_is_neither_slope_nor_upper_end():
    """Where a function has no value, only its side is known: the distance doubles until it has one."""
    point, low, high = 1.0, 0.0, np.inf
    for expected in (2.0, 4.0, 8.0):
        point, low, high = bracketed_newton(point, low, high, -1.0, np.nan)
        assert (point, high) == (expected, np.inf)
        low = 0.0


def test_batches():
    point, low, high = bracketed_newton(
        jnp.array([1.0, 4.0]), jnp.zeros(2), jnp.full(2, jnp.inf), jnp.array([-1.0, 2.0]), jnp.array([2.0, 1.0]), jnp
    )
    assert point.tolist() == [1.5, 2.0]
    assert low.tolist() == [1.0, 0.0]
    assert high.tolist() == [float("inf"), 4.0]
