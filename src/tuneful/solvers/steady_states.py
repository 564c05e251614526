"""Steady states of rate models: the one that the dynamics reach, found without following them all the way."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.ad_checkpoint import checkpoint_name
from jax.custom_batching import custom_vmap
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int

from tuneful.solvers.crowd_search import CrowdSearch
from tuneful.solvers.implicit_gradient import Drive, Slopes, at_fixed_point
from tuneful.solvers.precision import exact_products
from tuneful.solvers.search import Progress, Search, Status
from tuneful.solvers.search_settings import SearchSettings

__all__ = ["FOUND", "Status", "SteadyState", "default_tolerance", "steady_state"]

FOUND = "steady state"  # the name of what a search finds, for policies of `jax.checkpoint`


class SteadyState(eqx.Module):
    """The end of a search, for each of several independent problems.

    rates
        In the unit of the drive.
    settled
        At rest within the tolerance.
    residual
        Largest |drive(r) - r|.
    status
        A `Status`.
    evaluations
        Of the drive and of its derivative, for all problems together.
    """

    rates: Float[Array, "*batch n"]
    settled: Bool[Array, "*batch"]
    residual: Float[Array, "*batch"]
    status: Int[Array, "*batch"]
    evaluations: Int[Array, ""]


def default_tolerance(dtype: Any) -> float:
    """Residual to be reached, in the unit of the rates: 1e-5 in single, 1e-10 in double precision.

    >>> default_tolerance(jnp.float32)
    1e-05
    """
    return 1e-5 if jnp.finfo(dtype).bits <= 32 else 1e-10


def steady_state(
    drive: Drive,
    args: Any,
    tau: ArrayLike,
    rest: Array,
    *,
    tolerance: float | None = None,
    step: float | None = None,
    max_time: float = 10_000.0,
    ceiling: float = jnp.inf,
    witness: Array | None = None,
    settings: SearchSettings | None = None,
    slopes: Slopes | None = None,
    around: Callable[[Array], Any] | None = None,
) -> SteadyState:
    r"""Find the steady state r = drive(r, args) that the dynamics

        tau dr/dt = -r + drive(r, args)

    reach from `rest`. A network may have other fixed points, so the dynamics are followed (exponential Euler steps)
    for a while, and Anderson acceleration finishes from there. What it finds is accepted if the dynamics were on
    their way to it, that is if the last states, as deviations from it, decay (`growth_rate`), and if a perturbation
    in a random direction decays too. Otherwise the dynamics are followed again from rest, in shorter steps, and then
    for longer and longer, up to `max_time`.

    Rates are differentiable in `args` in both modes by the implicit function theorem, whatever the number of steps
    taken; those that did not settle are returned as they are, and their derivative is zero.

    Parameters
    ----------
    drive, args
        A function of rates (..., n) and of everything that it is differentiated in (it must not close over traced
        values).
    tau
        Time constants, (n,) or one for all, ms.
    rest
        The start, (..., n): leading axes are problems that share `args` and the loop.
    tolerance
        The largest residual to accept (`default_tolerance`), but never less than 8 units in the last place of the
        largest rate.
    step
        ms, of the quick burst (the shortest time constant by default, or an eighth of the longest if that is less).
    max_time
        ms of simulated time within which it must settle.
    ceiling
        The rate above which a state counts as saturated.
    witness
        A scalar, zero. Rates do not depend on it, but its derivative in reverse mode is the number of problems whose
        adjoint equations were not solved: their part of the gradient is not exact.
    settings
        Of the search, see `tuneful.solvers.search_settings`.
    slopes
        Derivative of the drive in the rates, (rates, args) -> (..., n, n): with it, the equations of the derivatives
        are solved by factorisation, which pays where derivatives in many parameters are taken at once.
    around
        From the rates that were found to arguments of the same value, which derivatives are taken of instead.

    Returns
    -------
    SteadyState
        One entry a problem.

    >>> def drive(r, weight):
    ...     return jnp.tanh(weight * r + 0.5)
    >>> found = steady_state(drive, jnp.array(-1.0), jnp.array([10.0]), jnp.zeros(1))
    >>> bool(found.settled), round(float(found.rates[0]), 4)
    (True, 0.2474)
    """
    settings = SearchSettings() if settings is None else settings
    tolerance = default_tolerance(rest.dtype) if tolerance is None else tolerance
    tau = jnp.broadcast_to(jnp.asarray(tau, rest.dtype), rest.shape[-1:])
    frozen = jax.lax.stop_gradient(args)
    coarse = jnp.minimum(tau.min(), tau.max() / 8) if step is None else step
    with exact_products():
        found = _found(drive, settings)(frozen, rest, (tau, coarse, tolerance, max_time, ceiling))
    found = jax.tree.map(lambda a: checkpoint_name(a, FOUND), found)  # where little is kept, this is
    held = jax.lax.stop_gradient(jnp.where(found.settled[..., None], found.rates, 0))
    about = witness, settings.adjoint_evaluations, slopes
    differentiable = at_fixed_point(drive, args if around is None else around(held), held, *about)
    rates = jnp.where(found.settled[..., None], differentiable, jax.lax.stop_gradient(found.rates))
    return SteadyState(rates, found.settled, found.residual, found.status, found.evaluations)


def _found(drive: Drive, settings: SearchSettings) -> Callable[[Any, Array, Any], SteadyState]:
    """The search as a function of args, rest and limits that, mapped by `jax.vmap`, is that of a crowd."""

    def distance(rows: Array, args: Any, shape: tuple[int, ...]) -> Array:
        return drive(rows.reshape(shape), args).reshape(rows.shape) - rows

    def ended(search: Search, end: Progress, shape: tuple[int, ...]) -> SteadyState:
        settled, status = search.ended(end)
        lead = shape[:-1]
        parts = settled.reshape(lead), end.residual.reshape(lead), status.reshape(lead)
        return SteadyState(end.rates.reshape(shape), *parts, end.evaluations)

    def one(args: Any, rest: Array, limits: Any) -> SteadyState:
        search, rows = Search(*limits, settings=settings), rest.reshape(-1, rest.shape[-1])
        end = search.run(lambda rates: distance(rates, args, rest.shape), rows)
        return ended(search, end, rest.shape)

    find = custom_vmap(one)

    @find.def_vmap
    @exact_products()
    def all_of_them(groups: int, is_own: Any, args: Any, rest: Array, limits: Any) -> tuple[SteadyState, Any]:
        if any(jax.tree.leaves(is_own[2])):  # other steps in every group: they have none in common
            axes = jax.tree.map(lambda leaf_is_own: 0 if leaf_is_own else None, is_own)
            found = jax.vmap(one, in_axes=tuple(axes))(args, rest, limits)
        else:
            own, shared = eqx.partition(args, is_own[0])
            search, shape = Search(*limits, settings=settings), rest.shape[is_own[1] :]
            crowd = CrowdSearch(search, lambda rows, own: distance(rows, eqx.combine(own, shared), shape), own)
            starts = jnp.broadcast_to(rest, (groups, *shape))
            found = ended(search, crowd.run(starts.reshape(groups, -1, shape[-1])), starts.shape)
        return found, jax.tree.map(lambda _: True, found)

    return find
