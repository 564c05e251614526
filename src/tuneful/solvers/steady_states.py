"""Steady states of rate models: the one that the dynamics reach, found without following them all the way."""

import enum
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int

from tuneful.solvers.anderson_acceleration import anderson, size
from tuneful.solvers.growth_rates import abscissa_on_span, growth_rate
from tuneful.solvers.implicit_gradient import Drive, Slopes, at_fixed_point
from tuneful.solvers.search_settings import SearchSettings

Distance = Callable[[Array], Array]  # how far from where they are driven to the rates of all problems are


class Status(enum.IntEnum):
    """What became of a search, from good to bad."""

    SETTLED = 0
    SATURATED = 1  # settled with a rate above the ceiling, or diverged
    MOVING = 2  # the time was up
    OSCILLATING = 3


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
    search = _Search(drive, frozen, tau, coarse, tolerance, max_time, ceiling, settings)
    found = search.run(rest)
    held = jnp.where(found.settled[..., None], found.rates, 0)
    about = witness, settings.adjoint_evaluations, slopes
    differentiable = at_fixed_point(drive, args, jax.lax.stop_gradient(held), *about)
    rates = jnp.where(found.settled[..., None], differentiable, jax.lax.stop_gradient(found.rates))
    return SteadyState(rates, found.settled, found.residual, found.status, found.evaluations)


class _Progress(eqx.Module):
    """Where a search stands.

    Rates are on the trajectory, or the steady state once it is found; `peak` is the fastest change of a rate in a
    step of the last burst; `time` is simulated, ms.
    """

    rates: Float[Array, "problems n"]
    residual: Float[Array, " problems"]
    status: Int[Array, " problems"]
    peak: Float[Array, " problems"]
    bursts: Int[Array, ""]
    time: Float[Array, ""]
    evaluations: Int[Array, ""]


class _Search(eqx.Module):
    """Bursts of the dynamics, after each an attempt to finish.

    The early ones, quick and a little finer, and the first of the fine ones start at rest; each of the later ones
    goes on where the last ended, and takes as long as all fine ones before.
    """

    drive: Drive
    args: Any
    tau: Array
    step: Array | float
    tolerance: float
    max_time: float
    ceiling: Array | float
    settings: SearchSettings = eqx.field(static=True)

    def run(self, rest: Array) -> SteadyState:
        """Search from `rest`, (..., n), until every problem is decided or the time is up."""
        rows = rest.reshape(-1, rest.shape[-1])

        def distance(rates: Array) -> Array:
            return self.drive(rates.reshape(rest.shape), self.args).reshape(rates.shape) - rates

        unknown = jnp.full(len(rows), jnp.inf, rows.dtype)
        none = jnp.zeros((), jnp.int32)
        moving = jnp.full(len(rows), Status.MOVING)
        start = _Progress(rows, unknown, moving, unknown, none, jnp.zeros((), rows.dtype), none)
        end = jax.lax.while_loop(lambda now: self._goes_on(now), lambda now: self._next(now, distance, rows), start)
        settled = (end.status == Status.SETTLED) | (end.residual <= self._accepted(end.rates))
        saturated = (settled & (end.rates.max(axis=-1) > self.ceiling)) | ~jnp.isfinite(end.residual)
        status = jnp.where(saturated, Status.SATURATED, jnp.where(settled, Status.SETTLED, end.status))
        rates, lead = end.rates.reshape(rest.shape), rest.shape[:-1]
        return SteadyState(
            rates, settled.reshape(lead), end.residual.reshape(lead), status.reshape(lead), end.evaluations
        )

    def _goes_on(self, now: _Progress) -> Array:
        moves = (now.status == Status.MOVING) & (jnp.isfinite(now.residual) | (now.bursts == 0))
        return jnp.any(moves) & (now.time < self.max_time)

    def _next(self, old: _Progress, distance: Distance, rest: Array) -> _Progress:
        """Take the next burst, and try to finish the problems that are pending."""
        of = self.settings
        early = old.bursts < len(of.finer) - 1
        kind = jnp.minimum(old.bursts, len(of.finer) - 1)
        finer, spacing = jnp.array(of.finer, jnp.int32)[kind], jnp.array(of.spacing, jnp.int32)[kind]
        step = self.step / finer.astype(rest.dtype)
        length = of.quick_steps * finer * 2 ** jnp.maximum(old.bursts - len(of.finer), 0)
        burst = self._follow(distance, old.rates, length, step)
        pending = old.status == Status.MOVING
        root = anderson(distance, burst.rates, self._accepted, of.attempt_evaluations, pending)
        found = pending & (root.residual <= self._accepted(root.point))
        hopeful = found & self._arrives(burst, root.point, early)
        is_probed = jnp.any(hopeful).astype(jnp.int32)
        probe = is_probed * spacing * jnp.where(early, *of.probe_products)
        reached = hopeful & (self._decay(distance, root.point, probe, step) >= jnp.where(early, *of.slowest_decay))
        cycles = ~reached & (length >= of.cycle_steps) & burst.repeats(old, of)
        status = jnp.where(cycles, Status.OSCILLATING, old.status)
        rates = jnp.where(reached[:, None], root.point, jnp.where(early, rest, burst.rates))
        residual = jnp.where(reached, root.residual, size(distance(burst.rates)))
        return _Progress(
            rates=jnp.where(pending[:, None], rates, old.rates),
            residual=jnp.where(pending, residual, old.residual),
            status=jnp.where(pending, jnp.where(reached, Status.SETTLED, status), old.status),
            peak=burst.peak,
            bursts=old.bursts + 1,
            time=old.time + jnp.where(early, 0, length.astype(step.dtype) * step),
            evaluations=old.evaluations + length + root.evaluations + 1 + probe + is_probed,
        )

    def _follow(self, distance: Distance, start: Array, length: Array, step: Array) -> "_Burst":
        """Take steps of exponential Euler."""
        share = -jnp.expm1(-step / self.tau)[None]

        def take(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            rates, peak, path = carry
            change = share * distance(rates)
            speed = size(change)
            return rates + change, jnp.maximum(peak, speed), path + speed

        zero = jnp.zeros(len(start), start.dtype)
        (rates, peak, path), interval = _repeat(take, (start, zero, zero), length, self.settings.snapshots)
        return _Burst(rates[-1], rates, interval.astype(step.dtype) * step, peak[-1], path[-1])

    def _arrives(self, burst: "_Burst", point: Array, early: Array) -> Array:
        """Whether the dynamics are on their way to a point: (problems,), bool.

        A coarse trajectory feigns growth where a network oscillates, so that early bursts are only asked to have come
        two thirds of the way, to a point that is not saturated, and not to run away from it.
        """
        deviations = burst.snapshots - point[None]
        growth = growth_rate(deviations, burst.interval, size(point))
        left = size(burst.rates - point)
        near = (
            (left <= size(point) / 3)
            & (point.max(axis=-1) <= self.ceiling)
            & (growth <= self.settings.feigned_growth)
        )
        return jnp.where(
            early, near, (left <= 10 * self._accepted(point)) | (growth <= -self.settings.slowest_decay[1])
        )

    def _decay(self, distance: Distance, point: Array, length: Array, step: Array) -> Array:
        """How fast a small perturbation of a point in a random direction decays, (problems,), 1/ms.

        Chebyshev polynomials of the linear flow, small from -4 / step (twice what the steps of the dynamics resolve)
        to minus the slowest leak, filter the perturbation: what decays more slowly than cells without connections
        stands out, after fewer products than by following the flow. Its rate is that of the flow on the span of
        several polynomials.
        """
        _, linear = jax.linearize(distance, point)
        fastest, slowest = -4 / step, -1 / self.tau.max()
        centre, radius = (fastest + slowest) / 2, (slowest - fastest) / 2

        def take(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            before, now, change = carry
            after = 2 / radius * (change - centre * now) - before
            return now, after, linear(after) / self.tau[None]

        with jax.ensure_compile_time_eval():
            direction = jax.random.normal(jax.random.key(0), point.shape, point.dtype)
        change = linear(direction) / self.tau[None]
        start = (change - centre * direction) / radius, direction, change  # T_1 and T_-1 are the same
        (_, states, changes), _ = _repeat(take, start, length, self.settings.snapshots)
        return -abscissa_on_span(states[-2::-1], changes[-2::-1], self.settings.instant * step)

    def _accepted(self, rates: Array) -> Array:
        return jnp.maximum(self.tolerance, 8 * jnp.finfo(rates.dtype).eps * size(rates))


def _repeat(take: Callable[[Any], Any], start: Any, times: Array, snapshots: int) -> tuple[Any, Array]:
    """Apply `take` so many times: equally spaced states of the second half, the end last, and the steps between."""
    spacing = times // (2 * snapshots)
    steps = jnp.full(snapshots + 1, spacing).at[0].set(times - snapshots * spacing)

    def several(carry: Any, k: Array) -> tuple[Any, Any]:
        end = jax.lax.fori_loop(0, k, lambda _, c: take(c), carry)
        return end, end

    _, states = jax.lax.scan(several, start, steps)  # one loop for all: each copy of `take` is compiled
    return states, spacing


class _Burst(eqx.Module):
    """A stretch of a trajectory.

    Rates are where it ends; `snapshots` are equally spaced states of its second half, `interval` ms apart; `peak` is
    the fastest change of a rate in a step, `path` those of all steps added up.
    """

    rates: Float[Array, "problems n"]
    snapshots: Float[Array, "snapshots+1 problems n"]
    interval: Float[Array, ""]
    peak: Float[Array, " problems"]
    path: Float[Array, " problems"]

    def repeats(self, before: _Progress, settings: SearchSettings) -> Array:
        """Whether a trajectory as long as all before goes on as fast as ever, and gets nowhere."""
        as_fast = jnp.abs(self.peak - before.peak) < settings.same_speed * before.peak
        return as_fast & (size(self.rates - before.rates) < settings.least_progress * self.path)
