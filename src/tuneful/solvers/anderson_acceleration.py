"""Anderson acceleration: roots of a residual from a few evaluations, without derivatives."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.linalg import cho_solve

MIXING = 0.6
WINDOW = 10


class Root(eqx.Module):
    """A point where the residual is small, for each of several independent problems."""

    point: Array  # (problems, n)
    residual: Array  # (problems,): largest absolute entry
    evaluations: Array  # (), int


def size(x: Array) -> Array:
    """Largest absolute entry of every row."""
    return jnp.max(jnp.abs(x), axis=-1)


def anderson(
    residual: Callable[[Array], Array], start: Array, tolerance: Callable[[Array], Array], most: int, pending: Array
) -> Root:
    r"""Solve residual(x) = 0 for several problems at once.

    With dX and dG the latest changes of x and of g = residual(x), a step removes from g what a combination of dG
    explains and moves by the rest,

        c = argmin |g - dG c|,   x <- x - dX c + mixing (g - dG c),

    each problem (row of x) with its own c [Anderson 1965; Walker & Ni 2011, type II]. On linear problems this is
    GMRES with a window; on nonlinear ones every evaluation serves both, so it needs about half the evaluations of
    Newton's method with GMRES inside. It does not care which root it finds: start close to the one that you want.

    **Arguments:** `residual`, from (problems, n) to the same; `start`; `tolerance(x)`, the largest residual to
    accept, (problems,); `most`, evaluations at most; `pending`, (problems,), bool: problems that must converge.
    """
    problems, n = start.shape
    window = min(WINDOW, n)

    def is_open(carry: tuple[Array, _History]) -> Array:
        _, history = carry
        above = ~(size(history.residual) <= tolerance(history.point))
        return (history.evaluations < most) & jnp.any(above & pending)

    def step(carry: tuple[Array, _History]) -> tuple[Array, _History]:
        x, old = carry
        new = old.with_evaluation(x, residual(x))
        return x + MIXING * new.residual - jnp.einsum("pi,pin->pn", new.combination(), new.steps), new

    g = residual(start)
    nothing = jnp.zeros((problems, window, n), start.dtype)
    gram = jnp.broadcast_to(jnp.eye(window, dtype=start.dtype), (problems, window, window))
    first = _History(start, g, nothing, nothing, gram, jnp.ones((), jnp.int32))
    _, last = jax.lax.while_loop(is_open, step, (start + MIXING * g, first))
    return Root(last.point, size(last.residual), last.evaluations)


class _History(eqx.Module):
    """The last evaluation, and the changes between evaluations that led there, oldest overwritten first."""

    point: Array  # (problems, n): x
    residual: Array  # (problems, n): g
    steps: Array  # (problems, window, n): dX + mixing dG
    changes: Array  # (problems, window, n): dG
    gram: Array  # (problems, window, window): inner products of the changes; the identity where there are none yet
    evaluations: Array  # (), int

    def with_evaluation(self, x: Array, g: Array) -> "_History":
        change = g - self.residual
        slot = (self.evaluations - 1) % self.changes.shape[1]
        changes = _replaced(self.changes, change, slot, axis=1)
        steps = _replaced(self.steps, x - self.point + MIXING * change, slot, axis=1)
        row = jnp.einsum("pin,pn->pi", changes, change)
        gram = _replaced(_replaced(self.gram, row, slot, axis=1), row, slot, axis=2)
        return _History(x, g, steps, changes, gram, self.evaluations + 1)

    def combination(self) -> Array:
        """c = argmin |g - dG c| for every problem, (problems, window), by regularised normal equations.

        Columns are scaled to length one; the ridge is what rounding leaves of their inner products.
        """
        precision = jnp.finfo(self.gram.dtype)
        length = jnp.sqrt(jnp.maximum(jnp.diagonal(self.gram, axis1=1, axis2=2), precision.tiny))
        scaled = self.gram / (length[:, :, None] * length[:, None, :])
        factor = jnp.linalg.cholesky(scaled + 100 * precision.eps * jnp.eye(length.shape[1], dtype=length.dtype))
        explained = jnp.einsum("pin,pn->pi", self.changes, self.residual) / length
        return jax.vmap(lambda lower, b: cho_solve((lower, True), b))(factor, explained) / length


def _replaced(array: Array, value: Array, slot: Array, axis: int) -> Array:
    return jax.lax.dynamic_update_index_in_dim(array, value, slot, axis)
