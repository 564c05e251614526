r"""Lyapunov equations in pure JAX: differentiable, batched by `vmap`, on any device.

Only one inverse and matrix products are needed, which is what a GPU is good at. In NumPy on a CPU, one Schur form
that serves many shifts is faster (`tuneful.solvers.schur`).
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from tuneful.solvers.precision import exact_products

# Each doubling squares the contraction; 60 reach eigenvalues within 1e-16 of their size from the imaginary axis.
MAX_DOUBLINGS = 60


@jax.jit
@exact_products()
def lyapunov(a: Array, d: Array) -> Array:
    r"""Solve A P + P A^T = -D for P.

    If A is stable, P = int_0^inf exp(At) D exp(A^T t) dt: with D = 2 the covariance of dx/dt = Ax + sqrt(2) xi.

    The map P -> A P + P A^T is linear with transpose S -> A^T S + S A, so that derivatives are Lyapunov equations
    again: with P-bar the cotangent of P, A^T S + S A = -P-bar gives D-bar = S and A-bar = S P^T + S^T P. JAX derives
    both modes, to any order, from the solver declared with its map.

    Parameters
    ----------
    a
        (N, N), all eigenvalues left of the imaginary axis.
    d
        (N, N), symmetric or not.

    Returns
    -------
    P, (N, N); NaN if A is not stable.

    >>> lyapunov(-jnp.eye(2), jnp.eye(2)).round(6).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    return jax.lax.custom_linear_solve(
        lambda p: a @ p + p @ a.T,
        -d,
        solve=lambda _, right: _by_doubling(a, -right),
        transpose_solve=lambda _, right: _by_doubling(a.T, -right),
    )


@jax.jit
@exact_products()
def gramians(a: Array) -> tuple[Array, Array]:
    r"""Solve A P + P A^T = -1 and A^T Q + Q A = -1 together: both are sums over the powers of one matrix.

    Not differentiable in reverse mode; `lyapunov` is.

    Returns
    -------
    P and Q, (N, N); NaN if A is not stable.

    >>> [solution.round(6).tolist() for solution in gramians(jnp.array([[-1.0, 1.0], [0.0, -1.0]]))]
    [[[0.75, 0.25], [0.25, 0.5]], [[0.5, 0.25], [0.25, 0.75]]]
    """
    contraction, factor = _cayley_transform(a)
    reached, seen = _doubled(contraction, factor @ factor.T, factor.T @ factor)
    return reached, seen


@exact_products()
def _by_doubling(a: Array, d: Array) -> Array:
    contraction, factor = _cayley_transform(a)
    return _doubled(contraction, factor @ d @ factor.T, None)[0]


def _cayley_transform(a: Array) -> tuple[Array, Array]:
    r"""C and F of the Smith iteration [Smith 1968].

    For r > 0, (A - r) P (A - r)^T - (A + r) P (A + r)^T = 2 r D. With the Cayley transform
    C = (A - r)^-1 (A + r) = 1 + 2 r (A - r)^-1, which is a contraction in the long run iff A is stable, and with
    F = sqrt(2 r) (A - r)^-1, this is P = F D F^T + C P C^T, hence P = sum_k C^k F D F^T C^kT.
    """
    identity = jnp.eye(len(a), dtype=a.dtype)
    # Any r > 0 is right; the typical size of an eigenvalue makes the contraction strong for most of them.
    r = jnp.linalg.norm(a) / jnp.sqrt(len(a))
    inverse = jnp.linalg.inv(a - r * identity)
    return identity + 2 * r * inverse, jnp.sqrt(2 * r) * inverse


def _doubled(c: Array, p: Array, q: Array | None) -> tuple[Array, Any]:
    """Sum C^k P C^kT over all k, and C^kT Q C^k if there is a Q, doubling the number of terms at every step."""
    # What is left out once C^(2^k) is as small as this is relative to the sum its square: rounding.
    tolerance = jnp.sqrt(jnp.finfo(c.dtype).eps)

    def is_going_on(state: tuple[Array, Array, Array, Any]) -> Array:
        k, c, _, _ = state
        size = jnp.linalg.norm(c)
        return (k < MAX_DOUBLINGS) & (size > tolerance) & jnp.isfinite(size)

    def double(state: tuple[Array, Array, Array, Any]) -> tuple[Array, Array, Array, Any]:
        k, c, p, q = state
        return k + 1, c @ c, p + c @ p @ c.T, None if q is None else q + c.T @ q @ c

    _, c, p, q = jax.lax.while_loop(is_going_on, double, (jnp.zeros((), int), c, p, q))
    is_found = jnp.linalg.norm(c) <= tolerance
    return jax.tree.map(lambda total: jnp.where(is_found, total, jnp.nan), (p, q))
