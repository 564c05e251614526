r"""Lyapunov equations in pure JAX: differentiable, batched by `vmap`, on any device.

Only one inverse and matrix products are needed, which is what a GPU is good at. In NumPy on a CPU, one Schur form
that serves many shifts is faster (`tuneful.solvers.schur`).
"""

import jax
import jax.numpy as jnp
from jax import Array

# Each doubling squares the contraction; 60 reach eigenvalues within 1e-16 of their size from the imaginary axis.
DOUBLINGS = 60


@jax.jit
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


def _by_doubling(a: Array, d: Array) -> Array:
    r"""Squared Smith iteration [Smith 1968].

    For r > 0, (A - r) P (A - r)^T - (A + r) P (A + r)^T = 2 r D. With the Cayley transform
    C = (A - r)^-1 (A + r) = 1 + 2 r (A - r)^-1, which is a contraction in the long run iff A is stable, this is
    P = X + C P C^T with X = 2 r (A - r)^-1 D (A - r)^-T, hence P = sum_k C^k X C^kT, summed by doubling.
    """
    identity = jnp.eye(len(a), dtype=a.dtype)
    # Any r > 0 is right; the typical size of an eigenvalue makes the contraction strong for most of them.
    r = jnp.linalg.norm(a) / jnp.sqrt(len(a))
    inverse = jnp.linalg.inv(a - r * identity)
    tolerance = jnp.finfo(a.dtype).eps

    def is_going_on(state: tuple[Array, Array, Array]) -> Array:
        k, c, _ = state
        size = jnp.linalg.norm(c)
        return (k < DOUBLINGS) & (size > tolerance) & jnp.isfinite(size)

    def double(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        k, c, p = state
        return k + 1, c @ c, p + c @ p @ c.T

    start = (jnp.zeros((), int), identity + 2 * r * inverse, 2 * r * inverse @ d @ inverse.T)
    _, c, p = jax.lax.while_loop(is_going_on, double, start)
    return jnp.where(jnp.linalg.norm(c) <= tolerance, p, jnp.nan)
