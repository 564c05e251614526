"""Steady states of rate models: the one that the dynamics reach, found without following them all the way."""

import enum
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from tuneful.solvers.anderson_acceleration import anderson, size

Drive = Callable[[Array, Any], Array]  # (rates, args) -> where the rates are driven to
Distance = Callable[[Array], Array]  # how far from there the rates of all problems are

QUICK = 32  # steps of the dynamics before the first attempt to finish
FINER = (1, 4, 10)  # how much shorter the steps are in the first, second, and all later bursts
GROWTH = 1e-2  # 1/ms: growth that coarse steps may feign (measured: up to 3e-2 where the flow decays)
DECAY = 2e-3, 5e-4  # 1/ms: slowest decay believed after early and after later bursts
CYCLE = 4096  # fine steps in a burst that shows a cycle
SNAPSHOTS = 8  # states kept, equally spaced in the second half of a burst
PROBE = 32, 64  # products by which a perturbation is filtered, after early and after later bursts
SPACING = (1, 2, 3)  # how many times as many for the steps of FINER: as its square roots
SQUARINGS = 22  # of a matrix, for its spectral radius: the norm of its power 2^22, whatever its condition
INSTANT = 1 / 256  # of a step: in which a flow is as good as linear in time
NOISE = 1000.0  # times rounding: vectors of which less is new are left out of a span
ATTEMPT = 80  # evaluations in an attempt to finish
ADJOINT = 300  # evaluations in a linear solve


class Status(enum.IntEnum):
    """What became of a search, from good to bad."""

    SETTLED = 0
    SATURATED = 1  # settled with a rate above the ceiling, or diverged
    MOVING = 2  # the time was up
    OSCILLATING = 3


class SteadyState(eqx.Module):
    """The end of a search, for each of several independent problems."""

    rates: Array  # (..., n), the unit of `drive`
    settled: Array  # (...), bool: at rest within the tolerance
    residual: Array  # (...): largest |drive(r) - r|
    status: Array  # (...), int: a `Status`
    evaluations: Array  # (), int: of `drive` and of its derivative, for all problems together


def default_tolerance(dtype: Any) -> float:
    """Residual to be reached, in the unit of the rates: 1e-5 in single, 1e-10 in double precision."""
    return 1e-5 if jnp.finfo(dtype).bits <= 32 else 1e-10


def steady_state(
    drive: Drive,
    args: Any,
    tau: ArrayLike,
    rest: Array,
    *,
    tolerance: float | None = None,
    step: float | None = None,
    longest: float = 10_000.0,
    ceiling: float = jnp.inf,
) -> SteadyState:
    r"""Find the steady state r = drive(r, args) that the dynamics

        tau dr/dt = -r + drive(r, args)

    reach from `rest`. A network may have other fixed points, so the dynamics are followed (exponential Euler steps)
    for a while, and Anderson acceleration finishes from there. What it finds is accepted if the dynamics were on
    their way to it, that is if the last states, as deviations from it, decay (`growth_rate`), and if a perturbation
    in a random direction decays too. Otherwise the dynamics are followed again from rest, in shorter steps, and then
    for longer and longer, up to `longest`.

    Rates are differentiable in `args` in both modes by the implicit function theorem, whatever the number of steps
    taken; those that did not settle are returned as they are, and their derivative is zero.

    **Arguments:** `drive`, a function of rates (..., n) and of everything that it is differentiated in (it must not
    close over traced values); `tau`, time constants (n,), ms; `rest`, the start, (..., n): leading axes are problems
    that share `args` and the loop; `tolerance`, the largest residual to accept (`default_tolerance`), but never less
    than 8 units in the last place of the largest rate; `step`, ms, of the quick burst (the
    shortest time constant by default, or an eighth of the longest if that is less);
    `longest`, ms; `ceiling`, the rate above which a state counts as saturated.

    **Returns:** a `SteadyState`.

    ```python
    >>> import jax.numpy as jnp
    >>> def drive(r, weight):
    ...     return jnp.tanh(weight * r + 0.5)
    >>> found = steady_state(drive, jnp.array(-1.0), jnp.array([10.0]), jnp.zeros(1))
    >>> bool(found.settled), round(float(found.rates[0]), 4)
    (True, 0.2474)

    ```
    """
    tolerance = default_tolerance(rest.dtype) if tolerance is None else tolerance
    tau = jnp.broadcast_to(jnp.asarray(tau, rest.dtype), rest.shape[-1:])
    frozen = jax.lax.stop_gradient(args)
    coarse = jnp.minimum(tau.min(), tau.max() / 8) if step is None else step
    search = _Search(drive, frozen, tau, coarse, tolerance, longest, ceiling)
    found = search.run(rest)
    held = jnp.where(found.settled[..., None], found.rates, 0)
    differentiable = at_fixed_point(drive, args, jax.lax.stop_gradient(held))
    rates = jnp.where(found.settled[..., None], differentiable, jax.lax.stop_gradient(found.rates))
    return SteadyState(rates, found.settled, found.residual, found.status, found.evaluations)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def at_fixed_point(drive: Drive, args: Any, rates: Array) -> Array:
    """Return `rates`, known to solve r = drive(r, args), as a function of `args`.

    The derivative is that of the implicit function: dr = (1 - drive_r)^-1 drive_args dargs
    [Arakaki et al. 2017, Eq. 13], solved iteratively; the transposed equation serves reverse mode.
    """
    del drive, args
    return rates


@at_fixed_point.defjvp
def _at_fixed_point_jvp(drive: Drive, primals: tuple[Any, Array], tangents: tuple[Any, Array]) -> tuple[Array, Array]:
    args, rates = primals
    rates = at_fixed_point(drive, args, rates)  # for derivatives of this derivative
    _, by_rates = jax.linearize(lambda r: drive(r, args), rates)
    _, by_args = jax.jvp(lambda a: drive(rates, a), (args,), (tangents[0],))
    change = jax.lax.custom_linear_solve(lambda v: v - by_rates(v), by_args, _solve, _solve)
    return rates, change


def _solve(matrix: Callable[[Array], Array], b: Array) -> Array:
    """Solve matrix(x) = b, each row of b on its own, to three quarters of the digits of its precision."""
    scale = size(b)[..., None]
    rows = (b / jnp.where(scale > 0, scale, 1)).reshape(-1, b.shape[-1])  # size 1: squares of tiny rows vanish
    goal = jnp.full(len(rows), jnp.finfo(b.dtype).eps ** 0.75)

    def residual(x: Array) -> Array:
        return rows - matrix(x.reshape(b.shape)).reshape(rows.shape)

    root = anderson(residual, jnp.zeros_like(rows), lambda _: goal, ADJOINT, jnp.ones(len(rows), bool))
    return jnp.where((root.residual <= 1)[:, None], root.point, 0).reshape(b.shape) * scale


class _Progress(eqx.Module):
    """Where a search stands."""

    rates: Array  # (problems, n): on the trajectory, or the steady state once it is found
    residual: Array  # (problems,)
    status: Array  # (problems,), int
    peak: Array  # (problems,): fastest change of a rate in a step of the last burst
    bursts: Array  # (), int: bursts so far
    time: Array  # (), ms: simulated
    evaluations: Array  # (), int


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
    longest: float
    ceiling: Array | float

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
        return jnp.any(moves) & (now.time < self.longest)

    def _next(self, old: _Progress, distance: Distance, rest: Array) -> _Progress:
        """Take the next burst, and try to finish the problems that are pending."""
        early = old.bursts < len(FINER) - 1
        kind = jnp.minimum(old.bursts, len(FINER) - 1)
        finer, spacing = jnp.array(FINER, jnp.int32)[kind], jnp.array(SPACING, jnp.int32)[kind]
        step = self.step / finer
        length = QUICK * finer * 2 ** jnp.maximum(old.bursts - len(FINER), 0)
        burst = self._follow(distance, old.rates, length, step)
        pending = old.status == Status.MOVING
        root = anderson(distance, burst.rates, self._accepted, ATTEMPT, pending)
        found = pending & (root.residual <= self._accepted(root.point))
        hopeful = found & self._arrives(burst, root.point, early)
        probe = jnp.any(hopeful) * spacing * jnp.where(early, *PROBE)
        reached = hopeful & (self._decay(distance, root.point, probe, step) >= jnp.where(early, *DECAY))
        cycles = ~reached & (length >= CYCLE) & burst.repeats(old)
        status = jnp.where(cycles, Status.OSCILLATING, old.status)
        rates = jnp.where(reached[:, None], root.point, jnp.where(early, rest, burst.rates))
        residual = jnp.where(reached, root.residual, size(distance(burst.rates)))
        return _Progress(
            rates=jnp.where(pending[:, None], rates, old.rates),
            residual=jnp.where(pending, residual, old.residual),
            status=jnp.where(pending, jnp.where(reached, Status.SETTLED, status), old.status),
            peak=burst.peak,
            bursts=old.bursts + 1,
            time=old.time + jnp.where(early, 0, length * step),
            evaluations=old.evaluations + length + root.evaluations + 1 + probe + jnp.any(hopeful),
        )

    def _follow(self, distance: Distance, start: Array, length: Array, step: Array) -> "_Burst":
        """Take steps of exponential Euler."""
        share = -jnp.expm1(-step / self.tau)

        def take(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            rates, peak, path = carry
            change = share * distance(rates)
            speed = size(change)
            return rates + change, jnp.maximum(peak, speed), path + speed

        zero = jnp.zeros(len(start), start.dtype)
        (rates, peak, path), (before, _, _), interval = _repeat(take, (start, zero, zero), length)
        return _Burst(rates, jnp.concatenate([before, rates[None]]), interval * step, peak, path)

    def _arrives(self, burst: "_Burst", point: Array, early: Array) -> Array:
        """Whether the dynamics are on their way to a point: (problems,), bool.

        A coarse trajectory feigns growth where a network oscillates, so that early bursts are only asked to have come
        two thirds of the way, to a point that is not saturated, and not to run away from it.
        """
        deviations = burst.snapshots - point
        growth = growth_rate(deviations, burst.interval, size(point))
        left = size(burst.rates - point)
        near = (left <= size(point) / 3) & (point.max(axis=-1) <= self.ceiling) & (growth <= GROWTH)
        return jnp.where(early, near, (left <= 10 * self._accepted(point)) | (growth <= -DECAY[1]))

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
            return now, after, linear(after) / self.tau

        direction = jax.random.normal(jax.random.key(0), point.shape, point.dtype)
        change = linear(direction) / self.tau
        start = (change - centre * direction) / radius, direction, change  # T_1 and T_-1 are the same
        _, (_, states, changes), _ = _repeat(take, start, length)
        return -abscissa_on_span(states[::-1], changes[::-1], INSTANT * step)

    def _accepted(self, rates: Array) -> Array:
        return jnp.maximum(self.tolerance, 8 * jnp.finfo(rates.dtype).eps * size(rates))


def _repeat(take: Callable[[Any], Any], start: Any, times: Array) -> tuple[Any, Any, Array]:
    """Apply `take` so many times: the end, states in the second half before it, and the steps between those."""
    spacing = times // (2 * SNAPSHOTS)
    several = lambda carry, k: jax.lax.fori_loop(0, k, lambda _, c: take(c), carry)  # noqa: E731
    middle = several(start, times - SNAPSHOTS * spacing)
    end, states = jax.lax.scan(lambda c, _: (several(c, spacing), c), middle, length=SNAPSHOTS)
    return end, states, spacing


class _Burst(eqx.Module):
    """A stretch of a trajectory."""

    rates: Array  # (problems, n): where it ends
    snapshots: Array  # (SNAPSHOTS + 1, problems, n): equally spaced states of its second half
    interval: Array  # (), ms: between snapshots
    peak: Array  # (problems,): fastest change of a rate in a step
    path: Array  # (problems,): changes of all steps, added up

    def repeats(self, before: _Progress) -> Array:
        """Whether a trajectory as long as all before goes on as fast as ever, and gets nowhere."""
        as_fast = jnp.abs(self.peak - before.peak) < 0.02 * before.peak
        return as_fast & (size(self.rates - before.rates) < 0.25 * self.path)


def growth_rate(deviations: Array, interval: Array | float, scale: Array | float = 0.0) -> Array:
    r"""Estimate how fast deviations from a steady state grow: a rate, negative if they decay.

    Equally spaced deviations obey d_{k+1} = P d_k near the steady state. P is fitted by least squares on their span
    (dynamic mode decomposition [Schmid 2010]), and log(spectral radius of P) over the interval is the abscissa of the
    modes that they contain.

    **Arguments:** `deviations`, (k + 1, problems, n); `interval`, ms; `scale`, (problems,), the size of the states
    that were subtracted, whose rounding is in the deviations: what stands out of it too little is left out.

    **Returns:** (problems,), 1/ms.
    """
    tiny = jnp.finfo(deviations.dtype).tiny
    rounding = jnp.finfo(deviations.dtype).eps * (1 + scale / (jnp.abs(deviations[:-1]).max(axis=(0, 2)) + tiny))
    propagator, _ = _restricted(deviations[:-1], deviations[1:], rounding)
    return _log_radius(propagator) / interval


def abscissa_on_span(states: Array, changes: Array, instant: Array | float) -> Array:
    r"""Spectral abscissa of a linear flow, restricted to the span of some states (Rayleigh-Ritz).

    **Arguments:** `states`, (k, problems, n), those first that matter most; `changes`, where the flow leads them per
    ms; `instant`, ms, in which that is little: the abscissa is overestimated by instant / 2 times the squared
    frequency of its mode.

    **Returns:** (problems,), 1/ms.
    """
    flow, is_new = _restricted(states, changes, float(jnp.finfo(states.dtype).eps))
    stays = is_new[:, :, None] * jnp.eye(len(states), dtype=flow.dtype)  # what was left out is led to zero
    return _log_radius(stays + instant * flow) / instant


def _restricted(vectors: Array, images: Array, rounding: Array | float) -> tuple[Array, Array]:
    """The map from vectors to images, (k, problems, n), on the span of the former: (problems, k, k), transposed.

    `rounding` is the relative error of the vectors. The second array tells which of the k dimensions there are.
    """
    length = jnp.sqrt(jnp.sum(vectors**2, axis=-1))[..., None] + jnp.finfo(vectors.dtype).tiny
    q, r, is_new = _orthonormalised(vectors / length, NOISE * rounding)  # normal equations would square the condition
    return jnp.linalg.solve(jnp.swapaxes(r, 1, 2), jnp.einsum("kpn,pin->pki", images / length, q)), is_new


def _log_radius(matrices: Array) -> Array:
    """Logarithm of the spectral radius of small matrices, (..., k, k), by repeated squaring."""
    tiny = jnp.finfo(matrices.dtype).tiny
    log_norm = jnp.zeros(matrices.shape[:-2], matrices.dtype)
    for _ in range(SQUARINGS):
        norm = jnp.linalg.norm(matrices, axis=(-2, -1), keepdims=True) + tiny
        log_norm = 2 * (log_norm + jnp.log(norm[..., 0, 0]))
        matrices = (matrices / norm) @ (matrices / norm)
    return (log_norm + jnp.log(jnp.linalg.norm(matrices, axis=(-2, -1)) + tiny)) / 2**SQUARINGS


def _orthonormalised(vectors: Array, least: Array | float) -> tuple[Array, Array, Array]:
    """Gram-Schmidt, twice, of (k, problems, n): Q (problems, k, n) and R (problems, k, k) with vectors = R^T Q.

    The third array, (problems, k), tells what is in Q. Vectors of which less than `least` is new are left out: zero
    in Q. (LAPACK's QR hangs when several devices call it at once.)
    """
    k, problems, n = vectors.shape
    q, r = jnp.zeros((problems, k, n), vectors.dtype), jnp.zeros((problems, k, k), vectors.dtype)
    for j, vector in enumerate(vectors):
        for _ in range(2):
            part = jnp.einsum("pin,pn->pi", q, vector)
            vector, r = vector - jnp.einsum("pi,pin->pn", part, q), r.at[:, :, j].add(part)
        length = jnp.sqrt(jnp.sum(vector**2, axis=-1, keepdims=True))
        is_new = length > jnp.broadcast_to(least, problems)[:, None]
        q = q.at[:, j].set(jnp.where(is_new, vector / jnp.where(is_new, length, 1), 0))
        r = r.at[:, j, j].add(jnp.where(is_new, length, 1)[:, 0])
    return q, r, jnp.any(q, axis=-1)
