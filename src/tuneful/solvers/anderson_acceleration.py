"""Anderson acceleration: roots of a residual from a few evaluations, without derivatives."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.linalg import cho_solve
from jaxtyping import Float, Int

MIXING, WINDOW = 0.6, 10


class Root(eqx.Module):
    """A point where the residual is small, for each of several independent problems, which may be those of groups.

    `residual` is the largest absolute entry, `evaluations` their number for all problems of a group together.
    """

    point: Float[Array, "*groups problems n"]
    residual: Float[Array, "*groups problems"]
    evaluations: Int[Array, "*groups"]


def size(x: Array) -> Array:
    """Largest absolute entry of every row.

    >>> size(jnp.array([[1.0, -2.0]])).tolist()
    [2.0]
    """
    return jnp.max(jnp.abs(x), axis=-1)


def anderson(
    residual: Callable[[Array], Array],
    start: Array,
    tolerance: Callable[[Array], Array],
    max_evaluations: int,
    pending: Array,
    *,
    mixing: float = MIXING,
    window: int = WINDOW,
) -> Root:
    r"""Solve residual(x) = 0 for several problems at once.

    With dX and dG the latest changes of x and of g = residual(x), a step removes from g what a combination of dG
    explains and moves by the rest,

        c = argmin |g - dG c|,   x <- x - dX c + mixing (g - dG c),

    each problem (row of x) with its own c [Anderson 1965; Walker & Ni 2011, type II]. On linear problems this is
    GMRES with a window; on nonlinear ones every evaluation serves both, so it needs about half the evaluations of
    Newton's method with GMRES inside. It does not care which root it finds: start close to the one that you want.

    Parameters
    ----------
    residual
        From (problems, n) to the same.
    start
        (problems, n).
    tolerance
        Of x: the largest residual to accept, (problems,).
    max_evaluations
        Of the residual.
    pending
        (problems,), bool: problems that must converge.
    mixing, window
        As above; how many of the latest changes are used.

    >>> root = anderson(lambda x: 2 - x**2, jnp.ones((1, 1)), lambda x: jnp.full(1, 1e-5), 20, jnp.ones(1, bool))
    >>> round(float(root.point[0, 0]), 4)
    1.4142
    """

    def is_open(history: History) -> Array:
        above = ~(size(history.residual) <= tolerance(history.point))
        return (history.evaluations < max_evaluations) & jnp.any(above & pending)

    def step(history: History) -> History:
        x = history.next_point()
        return history.with_evaluation(x, residual(x))

    last = jax.lax.while_loop(is_open, step, History.of(start, residual(start), window, mixing))
    return Root(last.point, size(last.residual), last.evaluations)


class History(eqx.Module):
    """The last evaluation, x and g, and the changes between evaluations that led there, oldest overwritten first.

    `steps` are dX + mixing dG, `changes` dG; `gram` holds the inner products of the changes, the identity where there
    are none yet.
    """

    point: Float[Array, "problems n"]
    residual: Float[Array, "problems n"]
    steps: Float[Array, "problems window n"]
    changes: Float[Array, "problems window n"]
    gram: Float[Array, "problems window window"]
    evaluations: Int[Array, ""]
    mixing: float = eqx.field(static=True, default=MIXING)

    @classmethod
    def of(cls, x: Array, g: Array, window: int = WINDOW, mixing: float = MIXING) -> "History":
        """That of a first evaluation."""
        problems, n = x.shape
        window = min(window, n)
        nothing = jnp.zeros((problems, window, n), x.dtype)
        gram = jnp.broadcast_to(jnp.eye(window, dtype=x.dtype), (problems, window, window))
        return cls(x, g, nothing, nothing, gram, jnp.ones((), jnp.int32), mixing)

    def next_point(self) -> Array:
        """Where to evaluate next."""
        explained = jnp.einsum("pi,pin->pn", self.combination(), self.steps)
        return self.point + self.mixing * self.residual - explained

    def with_evaluation(self, x: Array, g: Array) -> "History":
        change = g - self.residual
        slot = (self.evaluations - 1) % self.changes.shape[1]
        changes = _replaced(self.changes, change, slot, axis=1)
        steps = _replaced(self.steps, x - self.point + self.mixing * change, slot, axis=1)
        row = jnp.einsum("pin,pn->pi", changes, change)
        gram = _replaced(_replaced(self.gram, row, slot, axis=1), row, slot, axis=2)
        return History(x, g, steps, changes, gram, self.evaluations + 1, self.mixing)

    def combination(self) -> Array:
        """c = argmin |g - dG c| for every problem, (problems, window), by regularised normal equations.

        Columns are scaled to length one; the ridge is what rounding leaves of their inner products.
        """
        precision = jnp.finfo(self.gram.dtype)
        length = jnp.sqrt(jnp.maximum(jnp.diagonal(self.gram, axis1=1, axis2=2), precision.tiny))
        scaled = self.gram / (length[:, :, None] * length[:, None, :])
        ridge = 100 * precision.eps * jnp.eye(length.shape[1], dtype=length.dtype)
        factor = jnp.linalg.cholesky(scaled + ridge[None])
        explained = jnp.einsum("pin,pn->pi", self.changes, self.residual) / length
        return jax.vmap(lambda lower, b: cho_solve((lower, True), b))(factor, explained) / length


def _replaced(array: Array, value: Array, slot: Array, axis: int) -> Array:
    return jax.lax.dynamic_update_index_in_dim(array, value, slot, axis)
