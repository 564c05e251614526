r"""Derivatives of a steady state by the implicit function theorem, solved iteratively or by factorisation.

dr = (1 - drive_r)^-1 drive_args dargs [Arakaki et al. 2017, Eq. 13], one equation for every row of the rates; reverse
mode solves the transposed ones. Where many derivatives are taken of the same state, its matrix is better factorised.

Whether these could be solved is known only inside the derivative, which can return nothing else. The linear system
therefore has one more unknown, y = c, which no other depends on. Its transposed solve returns the cotangent of y plus
the number of rows that did not converge, and this is the derivative in c, the `witness`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap
from jax.scipy.linalg import lu_factor, lu_solve

from tuneful.solvers.anderson_acceleration import Root, anderson, size
from tuneful.solvers.crowds import crowd_anderson
from tuneful.solvers.precision import exact_products
from tuneful.solvers.search_settings import SearchSettings

Drive = Callable[[Array, Any], Array]  # (rates, args) -> where the rates are driven to
Slopes = Callable[[Array, Any], Array]  # (rates, args) -> derivative of the drive in the rates, (..., n, n)


@partial(jax.custom_jvp, nondiff_argnums=(0, 4, 5))
def at_fixed_point(
    drive: Drive,
    args: Any,
    rates: Array,
    witness: Array | None = None,
    max_evaluations: int = SearchSettings.adjoint_evaluations,
    slopes: Slopes | None = None,
) -> Array:
    """Return `rates`, known to solve r = drive(r, args), as a function of `args`.

    Parameters
    ----------
    drive, args
        The function and everything that it is differentiated in.
    rates
        (..., n).
    witness
        A scalar on which nothing depends, but whose derivative in reverse mode is the number of rows of which the
        linear equations were not solved.
    max_evaluations
        Products with the matrix in an iterative solve.
    slopes
        Gives drive_r: the equations are then solved by one factorisation for all derivatives that are taken at once,
        exactly, and there is nothing to witness.

    >>> def drive(r, a):
    ...     return a * r + 1
    >>> rate = lambda a, witness: at_fixed_point(drive, a, jnp.array([2.0]), witness)[0]  # r = 1 / (1 - a)
    >>> [round(float(g), 3) for g in jax.grad(rate, argnums=(0, 1))(jnp.array(0.5), jnp.array(0.0))]
    [4.0, 0.0]
    """
    del drive, args, witness, max_evaluations, slopes
    return rates


@at_fixed_point.defjvp
@exact_products()
def _at_fixed_point_jvp(
    drive: Drive,
    max_evaluations: int,
    slopes: Slopes | None,
    primals: tuple[Any, Array, Any],
    tangents: tuple[Any, Array, Any],
) -> tuple[Array, Array]:
    args, rates, witness = primals
    rates = at_fixed_point(drive, args, rates, witness, max_evaluations, slopes)  # for derivatives of this derivative
    _, by_args = jax.jvp(lambda a: drive(rates, a), (args,), (tangents[0],))
    if slopes is not None:
        return rates, _factorised_solve(slopes(rates, args), by_args)
    _, by_rates = jax.linearize(lambda r: drive(r, args), rates)

    def matrix(v: Array) -> Array:
        return v - by_rates(v)

    def solve(matrix: Callable[[Array], Array], b: Array) -> Array:
        return _solve(matrix, b, max_evaluations)[0]

    if witness is None:
        return rates, jax.lax.custom_linear_solve(matrix, by_args, solve, solve)
    return rates, _watched_solve(matrix, by_args, tangents[2], max_evaluations)


def _factorised_solve(slopes: Array, b: Array) -> Array:
    """Solve (1 - slopes) x = b for every row; many b of the same slopes, of a map over b, share their factors.

    One matrix after the other: a batch would be split over threads that wait for those of other devices.
    """

    n = b.shape[-1]

    def solve(row: tuple[Array, Array]) -> Array:
        return lu_solve(lu_factor(jnp.eye(n, dtype=b.dtype) - row[0]), row[1])

    return jax.lax.map(solve, (slopes.reshape(-1, n, n), b.reshape(-1, n))).reshape(b.shape)


def _watched_solve(matrix: Callable[[Array], Array], b: Array, c: Array, max_evaluations: int) -> Array:
    """Solve for x and y = c; of one array, since JAX transposes a solve in the whole of its right-hand side only."""

    def join(x: Array, y: Array) -> Array:
        return jnp.concatenate([x.reshape(-1), y.astype(x.dtype).reshape(1)])

    def split(both: Array) -> tuple[Array, Array]:
        return both[:-1].reshape(b.shape), both[-1]

    def joint(both: Array) -> Array:
        x, y = split(both)
        return join(matrix(x), y)

    def solve(joint: Callable[[Array], Array], right: Array, counts: bool = False) -> Array:
        known, y = split(right)
        x, is_solved = _solve(lambda x: split(joint(join(x, y)))[0], known, max_evaluations)
        return join(x, y + jnp.sum(~is_solved, dtype=y.dtype) if counts else y)

    return split(jax.lax.custom_linear_solve(joint, join(b, c), solve, partial(solve, counts=True)))[0]


def _solve(matrix: Callable[[Array], Array], b: Array, max_evaluations: int) -> tuple[Array, Array]:
    """Solve matrix(x) = b, each row of b on its own, to three quarters of the digits of its precision.

    The second array, (rows,), tells which were. What the others have by then is used if their residual shrank at all.
    """
    hoisted = eqx.filter_closure_convert(matrix, b)  # what is mapped must stand among the arguments
    arrays, code = eqx.partition(hoisted, eqx.is_array)
    return _solver(code, max_evaluations)(arrays, b)


def _solver(code: Any, max_evaluations: int) -> Callable[[Any, Array], tuple[Array, Array]]:
    """`_solve` as a function of all arrays that it depends on: mapped by `jax.vmap`, it solves for a crowd."""

    def residual(x: Array, about: tuple[Any, Array]) -> Array:
        arrays, right = about
        return (right - eqx.combine(arrays, code)(x.reshape(right.shape))).reshape(x.shape)

    def scaled(b: Array) -> tuple[Array, Array]:
        scale = size(b)[..., None]
        return scale, b / jnp.where(scale > 0, scale, 1)  # size 1: squares of tiny rows vanish

    def accepted(x: Array) -> Array:
        return jnp.full(x.shape[:-1], jnp.finfo(x.dtype).eps ** 0.75)

    def solution(root: Root, scale: Array) -> tuple[Array, Array]:
        x = jnp.where((root.residual <= 1)[..., None], root.point, 0).reshape(*scale.shape[:-1], -1) * scale
        return x, root.residual <= accepted(root.point)

    @custom_vmap
    def solve(arrays: Any, b: Array) -> tuple[Array, Array]:
        scale, right = scaled(b)
        rows = right.reshape(-1, b.shape[-1])
        everyone = jnp.ones(len(rows), bool)
        about = arrays, right
        root = anderson(lambda x: residual(x, about), jnp.zeros_like(rows), accepted, max_evaluations, everyone)
        return solution(root, scale)

    @solve.def_vmap
    @exact_products()
    def solve_all(groups: int, is_own: Any, arrays: Any, b: Array) -> tuple[tuple[Array, Array], tuple[bool, bool]]:
        own, shared = eqx.partition(arrays, is_own[0])
        scale, right = scaled(b if is_own[1] else jnp.stack([b] * groups))
        rows = right.reshape(groups, -1, b.shape[-1])

        def of_one(x: Array, about: tuple[Any, Array]) -> Array:
            return residual(x, (eqx.combine(about[0], shared), about[1]))

        about, everyone = (own, right), jnp.ones(rows.shape[:-1], bool)
        start = jnp.zeros_like(rows), rows
        root = crowd_anderson(jax.vmap(of_one), about, *start, accepted, max_evaluations, everyone)
        return solution(root, scale), (True, True)

    return solve
