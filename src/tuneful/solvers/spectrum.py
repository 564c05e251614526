"""The right edge of a spectrum: the spectral abscissa, and its smooth upper bound in JAX."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from tuneful.solvers.lyapunov_equations import gramians, lyapunov
from tuneful.solvers.precision import exact_products
from tuneful.solvers.root import bracketed_newton

MAX_ITERATIONS = 100  # of the root finder; 5 to 10 are usual


def spectral_abscissa(matrix: np.ndarray) -> float:
    """Largest real part of an eigenvalue, alpha(W) = max Re(lambda); dx/dt = Wx decays iff it is negative.

    >>> spectral_abscissa(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    0.0
    """
    return float(np.linalg.eigvals(matrix).real.max())


def smoothed_spectral_abscissa(
    w: ArrayLike, eps: ArrayLike, inputs: ArrayLike | None = None, outputs: ArrayLike | None = None
) -> Array:
    r"""Smoothed spectral abscissa [Vanbiervliet et al. 2009], differentiable in all arguments.

    The shift s > alpha(W) at which trace(C P C^T) = 1/eps, where (W - s) P + P (W - s)^T = -B B^T. It is smooth
    where alpha is not, lies above it, and falls to it with eps. 1/eps is the energy of the response of
    dx/dt = (W - s) x, seen through C, to impulses through all columns of B.

    Parameters
    ----------
    w
        (N, N). Use `jax.vmap` for batches.
    eps
        Positive scalar.
    inputs, outputs
        B of shape (N, m) and C of shape (k, N); the identity by default.

    Returns
    -------
    Scalar; NaN if no root is found. Needs float64 where eps is small: the equations are solved at a distance of the
    order of N eps from singularity.

    >>> w = -jnp.eye(2)
    >>> round(float(smoothed_spectral_abscissa(w, 0.1)), 5)
    -0.9
    >>> jax.grad(smoothed_spectral_abscissa)(w, 0.1).round(5).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    w = jnp.asarray(w, jnp.result_type(float))
    identity = jnp.eye(len(w), dtype=w.dtype)
    b, c = (identity if m is None else jnp.asarray(m, w.dtype) for m in (inputs, outputs))
    return _smoothed(w, jnp.asarray(eps, w.dtype), b, c)


@jax.custom_jvp
@jax.jit
@exact_products()
def _smoothed(w: Array, eps: Array, b: Array, c: Array) -> Array:
    """Find the root of 1/phi(s) - eps, phi(s) = trace(C P(s) C^T); see `SchurForm.smoothed_abscissa`."""
    tolerance = 8 * jnp.finfo(w.dtype).eps

    def evaluate(s: Array) -> tuple[Array, Array]:
        reached, seen = _gramians(w, s, b, c)
        phi = jnp.vdot(c.T @ c, reached)
        is_stable = phi > 0  # False for NaN: s is not above the abscissa
        slope = 2 * jnp.vdot(seen, reached) / phi**2
        return jnp.where(is_stable, 1 / phi - eps, -eps), jnp.where(is_stable, slope, jnp.nan)

    def is_going_on(state: Any) -> Array:
        k, s, _, _, correction = state
        return (k < MAX_ITERATIONS) & ~(jnp.abs(correction) <= tolerance * (1 + jnp.abs(s)))

    def step(state: Any) -> Any:
        k, s, low, high, _ = state
        gap, slope = evaluate(s)
        return k + 1, *bracketed_newton(s, low, high, gap, slope, xp=jnp), gap / slope

    mean = jnp.trace(w) / len(w)  # of the eigenvalues: it does not exceed the abscissa
    start = mean + jnp.linalg.norm(w) / jnp.sqrt(len(w)) + eps * len(w) / 2
    state = (jnp.zeros((), int), start, mean, jnp.full_like(mean, jnp.inf), jnp.full_like(mean, jnp.nan))
    k, s, _, _, _ = jax.lax.while_loop(is_going_on, step, state)
    return jnp.where(k < MAX_ITERATIONS, s, jnp.nan)


@_smoothed.defjvp
@exact_products()
def _smoothed_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    r"""Implicit differentiation of phi = trace(C P C^T) = 1/eps.

    The equation of P and that of its adjoint Q, (W - s)^T Q + Q (W - s) = -C^T C, give

        dphi = 2 <QP, dW - ds> + 2 <QB, dB> + 2 <CP, dC> = -deps / eps^2,

    and this is ds trace(QP) = <QP, dW> + <QB, dB> + <CP, dC> + deps / (2 eps^2).
    """
    w, eps, b, c = primals
    dw, deps, db, dc = tangents
    s = _smoothed(*primals)
    reached, seen = _gramians(w, s, b, c)
    product = seen @ reached
    moved = jnp.vdot(product, dw) + jnp.vdot(seen @ b, db) + jnp.vdot(c @ reached, dc) + deps / (2 * eps**2)
    return s, moved / jnp.trace(product)


@jax.jit
def _gramians(w: Array, s: Array, b: Array, c: Array) -> tuple[Array, Array]:
    """P and Q of the system (W - s, B, C)."""
    a = w - s * jnp.eye(len(w), dtype=w.dtype)
    return lyapunov(a, b @ b.T), lyapunov(a.T, c.T @ c)


def smoothed_excess(w: ArrayLike, eps: float, limit: float) -> Array:
    r"""How far the smoothed spectral abscissa is above a limit, [s - limit]_+, cheaply where it is not.

    s is at or below the limit iff trace P(limit) <= 1/eps: one Lyapunov equation tells, about 3 + 3 k products of
    matrices of the size of W in k = 6 to 10 doublings, and one inverse. Only beyond it Newton's method starts, from
    the limit, where it converges from one side if the limit is above the abscissa: 2 to 5 times 3 + 5 k products.
    The gradient comes for free with the last of them.

    Precision: equations are solved at a distance of at least eps / 2 from singularity. Single precision is enough
    for eps above some 1e-5 of the norm of W.

    Parameters
    ----------
    w
        (N, N). Under `jax.vmap` every one is as expensive as the most expensive.
    eps, limit
        Numbers, known at compile time. N eps / 2 is how far s is from the abscissa if all eigenvalues are equal and W
        is normal; otherwise it is less by so many times as there are fewer eigenvalues near the edge.

    Returns
    -------
    Scalar, once differentiable in W: QP / trace(QP), or 0 below the limit. NaN if no root is found.

    >>> [round(float(smoothed_excess(-jnp.eye(2), 0.1, limit)), 5) for limit in (-1.0, -0.5)]
    [0.1, 0.0]
    """
    if not eps > 0:
        raise ValueError(f"eps must be positive, not {eps}.")
    return _excess(jnp.asarray(w, jnp.result_type(float)), eps, limit)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _excess(w: Array, eps: float, limit: float) -> Array:
    return _excess_with_gradient(w, eps, limit)[0]


@_excess.defjvp
@exact_products()
def _excess_jvp(eps: float, limit: float, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (w,) = primals
    excess, gradient = _excess_with_gradient(w, eps, limit)
    return excess, jnp.vdot(gradient, tangents[0])


@exact_products()
def _excess_with_gradient(w: Array, eps: float, limit: float) -> tuple[Array, Array]:
    identity = jnp.eye(len(w), dtype=w.dtype)
    energy = jnp.trace(lyapunov(w - limit * identity, identity))
    return jax.lax.cond(
        (energy > 0) & (energy * eps <= 1),  # False for NaN: the abscissa is above the limit
        lambda: (jnp.zeros((), w.dtype), jnp.zeros_like(w)),
        lambda: _root_above(w, eps, limit),
    )


def _root_above(w: Array, eps: float, limit: float) -> tuple[Array, Array]:
    """Root of 1/phi - eps above the limit, relative to it, and the gradient of the smoothed abscissa."""
    identity = jnp.eye(len(w), dtype=w.dtype)
    distance = eps * len(w) / 2
    # Of the next to last point: the error of the last is the square of that, relative to the distance.
    tolerance = jnp.sqrt(jnp.finfo(w.dtype).eps)

    def is_going_on(state: Any) -> Array:
        k, point, _, _, correction, _ = state
        return (k < MAX_ITERATIONS) & ~(jnp.abs(correction) <= tolerance * (distance + point))

    def step(state: Any) -> Any:
        k, point, low, high, _, _ = state
        reached, seen = gramians(w - (limit + point) * identity)
        phi, product = jnp.trace(reached), seen @ reached
        overlap = jnp.trace(product)
        is_stable = (phi > 0) & (overlap > 0)  # False for NaN
        gap = jnp.where(is_stable, 1 / phi - eps, -eps)
        slope = jnp.where(is_stable, 2 * overlap / phi**2, jnp.nan)
        # Where nothing is stable yet, look as far again from the limit, and at least the natural distance.
        after, new_low, high = bracketed_newton(point, low, high, gap, slope, xp=jnp)
        after = jnp.where(is_stable, after, jnp.maximum(after, jnp.where(jnp.isinf(high), distance, 0)))
        return k + 1, after, new_low, high, gap / slope, product / overlap

    zero = jnp.zeros((), w.dtype)
    state = (jnp.zeros((), int), zero, zero, zero + jnp.inf, zero + jnp.nan, jnp.zeros_like(w))
    k, point, _, _, _, gradient = jax.lax.while_loop(is_going_on, step, state)
    return jnp.where(k < MAX_ITERATIONS, point, jnp.nan), gradient
