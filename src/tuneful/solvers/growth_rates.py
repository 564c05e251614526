r"""How fast deviations from a steady state grow, from a few states of the dynamics: no eigenvalue is computed.

LAPACK is not called, so that several devices can do this at once.
"""

import jax
import jax.numpy as jnp
from jax import Array

SQUARINGS = 22  # of a matrix, for its spectral radius: the norm of its power 2^22, whatever its condition
NOISE = 1000.0  # times rounding: vectors of which less is new are left out of a span


def growth_rate(deviations: Array, interval: Array | float, scale: Array | float = 0.0) -> Array:
    r"""Estimate how fast deviations from a steady state grow: a rate, negative if they decay.

    Equally spaced deviations obey d_{k+1} = P d_k near the steady state. P is fitted by least squares on their span
    (dynamic mode decomposition [Schmid 2010]), and log(spectral radius of P) over the interval is the abscissa of the
    modes that they contain.

    Parameters
    ----------
    deviations
        (k + 1, problems, n).
    interval
        Between two of them, ms.
    scale
        (problems,), the size of the states that were subtracted, whose rounding is in the deviations: what stands out
        of it too little is left out.

    Returns
    -------
    (problems,), 1/ms.

    >>> halved = jnp.array([4.0, 2.0, 1.0])[:, None, None]
    >>> round(float(growth_rate(halved, interval=10.0)[0]), 4)  # log(1/2) / 10
    -0.0693
    """
    tiny = jnp.finfo(deviations.dtype).tiny
    rounding = jnp.finfo(deviations.dtype).eps * (1 + scale / (jnp.abs(deviations[:-1]).max(axis=(0, 2)) + tiny))
    propagator, _ = _restricted(deviations[:-1], deviations[1:], rounding)
    return _log_radius(propagator) / interval


def abscissa_on_span(states: Array, changes: Array, instant: Array | float) -> Array:
    r"""Spectral abscissa of a linear flow, restricted to the span of some states (Rayleigh-Ritz).

    Parameters
    ----------
    states
        (k, problems, n), those first that matter most.
    changes
        Where the flow leads them per ms, of the same shape.
    instant
        ms, in which that is little: the abscissa is overestimated by instant / 2 times the squared frequency of its
        mode.

    Returns
    -------
    (problems,), 1/ms.

    >>> round(float(abscissa_on_span(jnp.ones((1, 1, 2)), -0.1 * jnp.ones((1, 1, 2)), instant=0.01)[0]), 3)
    -0.1
    """
    flow, is_new = _restricted(states, changes, float(jnp.finfo(states.dtype).eps))
    identity = jnp.eye(len(states), dtype=flow.dtype)[None]
    stays = is_new[:, :, None].astype(flow.dtype) * identity
    return _log_radius(stays + instant * flow) / instant


def _restricted(vectors: Array, images: Array, rounding: Array | float) -> tuple[Array, Array]:
    """The map from vectors to images, (k, problems, n), on the span of the former: (problems, k, k), transposed.

    Gram-Schmidt, twice, makes an orthonormal basis of the vectors, and what it does to them it does to their images.
    `rounding` is the relative error of the vectors: those of which less is new are left out, and led to zero. The
    second array tells which of the k dimensions there are. (LAPACK's QR hangs when several devices call it at once,
    and normal equations would square the condition.)
    """
    length = jnp.sqrt(jnp.sum(vectors**2, axis=-1))[..., None] + jnp.finfo(vectors.dtype).tiny
    k, problems, n = vectors.shape
    least = jnp.broadcast_to(NOISE * rounding, problems)[:, None]

    def add(bases: tuple[Array, Array], row: tuple[Array, Array, Array]) -> tuple[tuple[Array, Array], None]:
        (basis, led), (j, vector, image) = bases, row
        for _ in range(2):
            known = jnp.einsum("pin,pn->pi", basis, vector)
            vector -= jnp.einsum("pi,pin->pn", known, basis)
            image -= jnp.einsum("pi,pin->pn", known, led)
        size = jnp.sqrt(jnp.sum(vector**2, axis=-1, keepdims=True))
        scale = jnp.where(size > least, 1 / size, 0)
        return (basis.at[:, j].set(scale * vector), led.at[:, j].set(scale * image)), None

    nothing = jnp.zeros((problems, k, n), vectors.dtype)
    rows = jnp.arange(k), vectors / length, images / length
    (basis, led), _ = jax.lax.scan(add, (nothing, nothing), rows)  # a loop, which is compiled once
    return jnp.einsum("pkn,pin->pki", led, basis), jnp.any(basis, axis=-1)


def _log_radius(matrices: Array) -> Array:
    """Logarithm of the spectral radius of small matrices, (..., k, k), by repeated squaring."""
    tiny = jnp.finfo(matrices.dtype).tiny

    def square(_: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        log_norm, power = carry
        norm = jnp.linalg.norm(power, axis=(-2, -1), keepdims=True) + tiny
        return 2 * (log_norm + jnp.log(norm[..., 0, 0])), (power / norm) @ (power / norm)

    start = jnp.zeros(matrices.shape[:-2], matrices.dtype), matrices
    log_norm, power = jax.lax.fori_loop(0, SQUARINGS, square, start)
    return (log_norm + jnp.log(jnp.linalg.norm(power, axis=(-2, -1)) + tiny)) / 2**SQUARINGS
