"""Groups of problems side by side on one device, where those that are done make room for the others.

A batch that runs in step waits for the slowest of its members. Where programs have fixed shapes, the way out is that
of ray tracing on GPUs, stream compaction [Laine, Karras & Aila 2013]: what goes on is gathered, worked on in the
smallest of a few sizes that holds it, and put back. Each size is compiled, so there are few. No host takes part, so
that a crowd may stand in any larger program, and in derivatives of that.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from tuneful.solvers.anderson_acceleration import History, Root, size

AT_ONCE = 10  # evaluations between two looks at who is done: to gather the matrices costs as much as two
SIZES = 4  # of batches that are compiled, at most: each takes as long as the search of one group

Own = Any  # what belongs to the groups of a crowd: leaves have a leading axis of groups
Residual = Callable[[Array, Own], Array]  # from points of some groups, and what belongs to them


def crowd_sizes(groups: int) -> tuple[int, ...]:
    """Sizes of the batches that a crowd may be worked on in, the smallest first.

    >>> crowd_sizes(64), crowd_sizes(15), crowd_sizes(4096)
    ((1, 4, 16, 64), (1, 4, 15), (64, 256, 1024, 4096))
    """
    sizes = [groups]
    while sizes[0] > 1 and len(sizes) < SIZES:
        sizes.insert(0, -(-sizes[0] // 4))
    return tuple(sizes)


def among(chosen: Bool[Array, " groups"], work: Callable[[Any, Own], Any], state: Any, own: Own) -> Any:
    """Let the chosen groups work, and no more others than fill the batch; only the chosen ones change.

    Parameters
    ----------
    chosen
        Who works.
    work
        From the state of some groups, and what belongs to them, to their new state.
    state, own
        Of all groups: leading axes.

    >>> among(jnp.array([True, False]), lambda state, own: state + own, jnp.zeros(2), jnp.ones(2)).tolist()
    [1.0, 0.0]
    """
    groups = len(chosen)
    order = jnp.argsort(~chosen)  # stable: the chosen first

    def all_of_them() -> Any:
        return where_groups(chosen, work(state, own), state)

    def some(number: int) -> Callable[[], Any]:
        def gathered() -> Any:
            who = order[:number]
            theirs, its_own = jax.tree.map(lambda a: a[who], (state, own))
            back = jnp.where(chosen[who], who, groups)  # of the others, nowhere
            return jax.tree.map(lambda a, new: a.at[back].set(new, mode="drop"), state, work(theirs, its_own))

        return gathered

    sizes = crowd_sizes(groups)
    fits = jnp.searchsorted(jnp.array(sizes), chosen.sum())
    return jax.lax.switch(fits, [*map(some, sizes[:-1]), all_of_them])


def where_groups(chosen: Bool[Array, " groups"], new: Any, old: Any) -> Any:
    """What is new of the chosen groups, what was before of the others."""
    return jax.tree.map(lambda a, b: jnp.where(chosen.reshape(-1, *(1,) * (a.ndim - 1)), a, b), new, old)


def flat(array: Array) -> Array:
    """Problems of all groups in one row."""
    return array.reshape(-1, *array.shape[2:])


class _Attempt(eqx.Module):
    """Where every group stands; a group that is done moves on with its batch, and its root stays."""

    history: tuple[Array, ...]
    root: Root
    pending: Bool[Array, "groups problems"]


def crowd_anderson(
    residual: Residual,
    own: Own,
    start: Float[Array, "groups problems n"],
    first: Float[Array, "groups problems n"],
    tolerance: Callable[[Array], Array],
    max_evaluations: int,
    pending: Bool[Array, "groups problems"],
) -> Root:
    """Solve as `anderson` solves every group by itself: a group is done with the last of its own problems.

    Parameters
    ----------
    residual, own
        The residual of some groups, and what it needs to know of each.
    start, first
        Where all begin, and the residuals there.
    tolerance, max_evaluations, pending
        As in `anderson`.
    """
    groups, problems, _ = start.shape

    def is_open(attempt: _Attempt) -> Bool[Array, " groups"]:
        root = attempt.root
        above = ~(root.residual <= tolerance(root.point))
        return jnp.any(above & attempt.pending, axis=1) & (root.evaluations < max_evaluations)

    def few_steps(attempt: _Attempt, own: Own) -> _Attempt:
        """Go on with some groups until all of them are done, or until it is time to look who is."""

        def step(carry: tuple[Array, History, Root]) -> tuple[Array, History, Root]:
            taken, old, root = carry
            x = old.next_point().reshape(root.point.shape)
            g = residual(x, own)
            now = Root(x, size(g), root.evaluations + 1)
            goes_on = is_open(_Attempt((), root, attempt.pending))
            return taken + 1, old.with_evaluation(flat(x), flat(g)), where_groups(goes_on, now, root)

        def go_on(carry: tuple[Array, History, Root]) -> Array:
            return (carry[0] < AT_ONCE) & jnp.any(is_open(_Attempt((), carry[2], attempt.pending)))

        # All that are open have taken the same number of steps, and no other has taken more.
        history = History(*map(flat, attempt.history), evaluations=attempt.root.evaluations.max())
        _, history, root = jax.lax.while_loop(go_on, step, (jnp.zeros((), jnp.int32), history, attempt.root))
        return _Attempt(_by_group(history, problems), root, attempt.pending)

    begun = _by_group(History.of(flat(start), flat(first)), problems)
    root = Root(start, size(first), jnp.ones(groups, jnp.int32))
    last = jax.lax.while_loop(
        lambda attempt: jnp.any(is_open(attempt)),
        lambda attempt: among(is_open(attempt), few_steps, attempt, own),
        _Attempt(begun, root, pending),
    )
    return last.root


def _by_group(history: History, problems: int) -> tuple[Array, ...]:
    arrays = history.point, history.residual, history.steps, history.changes, history.gram
    return tuple(array.reshape(-1, problems, *array.shape[1:]) for array in arrays)
