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

from tuneful.solvers.anderson import anderson, size

Drive = Callable[[Array, Any], Array]  # (rates, args) -> where the rates are driven to

QUICK = 32  # steps of the dynamics before the first attempt to finish
QUICK_DECAY = 5e-3  # 1/ms: slowest decay that is believed after so few and so long steps
CLEAR_DECAY = 1.2e-2  # 1/ms: decay that needs no further proof, if half of the way is done
FINER = 10  # how much shorter the steps are after that
DECAY = 5e-4  # 1/ms: slowest decay that can be told from none
CYCLE = 4096  # fine steps in a burst that shows a cycle
SNAPSHOTS = 8  # states kept, equally spaced in the second half of a burst
PROBE = 64  # steps by which a perturbation is followed, for twice the time if they are fine
SQUARINGS = 14  # of a matrix, for its spectral radius: the norm of its power 2^14, whatever its condition
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
    evaluations: Array  # (), int: of `drive`, for all problems together


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
    their way to it: the last states, as deviations from it, must decay (`growth_rate`). If they decay slowly or
    not at all, the dynamics are followed again from rest with shorter steps and for longer, up to `longest`, and what
    is found must also be stable against a perturbation in a random direction.

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
    steps: Array  # (), int: fine steps taken
    evaluations: Array  # (), int


class _Search(eqx.Module):
    """A quick burst of the dynamics, then fine ones, each as long as all before; after each an attempt to finish."""

    drive: Drive
    args: Any
    tau: Array
    step: Array | float
    tolerance: float
    longest: float
    ceiling: Array | float

    def run(self, rest: Array) -> SteadyState:
        rows = rest.reshape(-1, rest.shape[-1])

        def distance(rates: Array) -> Array:
            return self.drive(rates.reshape(rest.shape), self.args).reshape(rates.shape) - rates

        unknown = jnp.full(len(rows), jnp.inf, rows.dtype)
        none = jnp.zeros((), jnp.int32)
        start = _Progress(rows, unknown, jnp.full(len(rows), Status.MOVING), unknown, none, none)
        end = jax.lax.while_loop(lambda p: self._goes_on(p), lambda p: self._burst(p, distance, rows), start)
        settled = (end.status == Status.SETTLED) | (end.residual <= self._accepted(end.rates))
        saturated = (settled & (end.rates.max(axis=-1) > self.ceiling)) | ~jnp.isfinite(end.residual)
        status = jnp.where(saturated, Status.SATURATED, jnp.where(settled, Status.SETTLED, end.status))
        rates, lead = end.rates.reshape(rest.shape), rest.shape[:-1]
        return SteadyState(
            rates, settled.reshape(lead), end.residual.reshape(lead), status.reshape(lead), end.evaluations
        )

    def _goes_on(self, now: _Progress) -> Array:
        moves = (now.status == Status.MOVING) & (jnp.isfinite(now.residual) | (now.evaluations == 0))
        return jnp.any(moves) & (now.steps * self.step / FINER < self.longest)

    def _burst(self, old: _Progress, distance: Callable[[Array], Array], rest: Array) -> _Progress:
        quick = old.evaluations == 0
        step = self.step / jnp.where(quick, 1, FINER)
        length = jnp.where(quick, QUICK, jnp.maximum(QUICK * FINER, old.steps))
        burst = self._follow(distance, old.rates, length, step)
        pending = old.status == Status.MOVING
        root = anderson(distance, burst.rates, self._accepted, ATTEMPT, pending)
        candidate = pending & (root.residual <= self._accepted(root.point))
        reached = self._is_stable(root.point, candidate, burst, distance, quick, step)
        cycles = ~reached & (length >= CYCLE) & burst.repeats(old)
        status = jnp.where(cycles, Status.OSCILLATING, old.status)
        rates = jnp.where(reached[:, None], root.point, burst.rates)
        residual = jnp.where(reached, root.residual, size(distance(burst.rates)))
        return _Progress(
            rates=jnp.where(pending[:, None], jnp.where(quick & ~reached[:, None], rest, rates), old.rates),
            residual=jnp.where(pending, residual, old.residual),
            status=jnp.where(pending, jnp.where(reached, Status.SETTLED, status), old.status),
            peak=burst.peak,
            steps=old.steps + jnp.where(quick, 0, length),
            evaluations=old.evaluations + length + root.evaluations + 1,
        )

    def _follow(self, distance: Callable[[Array], Array], start: Array, length: Array, step: Array) -> "_Burst":
        """Take steps of exponential Euler."""
        share = -jnp.expm1(-step / self.tau)
        spacing = length // (2 * SNAPSHOTS)

        def take(_: Any, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            rates, peak, path = carry
            change = share * distance(rates)
            speed = size(change)
            return rates + change, jnp.maximum(peak, speed), path + speed

        def take_several(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], Array]:
            return jax.lax.fori_loop(0, spacing, take, carry), carry[0]

        zero = jnp.zeros(len(start), start.dtype)
        carry = jax.lax.fori_loop(0, length - SNAPSHOTS * spacing, take, (start, zero, zero))
        (rates, peak, path), before = jax.lax.scan(take_several, carry, length=SNAPSHOTS)
        return _Burst(rates, jnp.concatenate([before, rates[None]]), spacing * step, peak, path)

    def _is_stable(
        self,
        point: Array,
        candidate: Array,
        burst: "_Burst",
        distance: Callable[[Array], Array],
        quick: Array,
        step: Array,
    ) -> Array:
        """Which candidates the dynamics are on their way to, and do not leave again: (problems,), bool."""
        growth = growth_rate(burst.snapshots - point, burst.interval, size(point))
        slowest = -jnp.where(quick, QUICK_DECAY, DECAY)
        left = size(burst.rates - point)
        arrives = candidate & ((left <= 10 * self._accepted(point)) | (growth <= slowest))
        clear = quick & (growth <= -CLEAR_DECAY) & (left <= size(point) / 2)
        doubtful = arrives & ~clear
        stays = jax.lax.cond(
            jnp.any(doubtful),
            lambda: self._probe(distance, point, quick, step) <= slowest,
            lambda: jnp.ones_like(arrives),
        )
        return arrives & (stays | ~doubtful)

    def _probe(self, distance: Callable[[Array], Array], point: Array, quick: Array, step: Array) -> Array:
        """Growth rate of a small perturbation of a point in a random direction, (problems,), 1/ms."""
        share = -jnp.expm1(-step / self.tau)
        _, linear = jax.linearize(distance, point)
        spacing = jnp.where(quick, PROBE, PROBE * 2 * FINER) // (2 * SNAPSHOTS)

        def take_several(v: Array, _: None) -> tuple[Array, Array]:
            return jax.lax.fori_loop(0, spacing, lambda _, v: v + share * linear(v), v), v

        direction = jax.random.normal(jax.random.key(0), point.shape, point.dtype)
        end, states = jax.lax.scan(take_several, direction, length=2 * SNAPSHOTS)
        return growth_rate(jnp.concatenate([states[SNAPSHOTS:], end[None]]), spacing * step)

    def _accepted(self, rates: Array) -> Array:
        return jnp.maximum(self.tolerance, 8 * jnp.finfo(rates.dtype).eps * size(rates))


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
    modes that they contain. The spectral radius is that of a small matrix, by repeated squaring.

    **Arguments:** `deviations`, (k + 1, problems, n); `interval`, ms; `scale`, (problems,), the size of the states
    that were subtracted, whose rounding is in the deviations: what stands out of it too little is left out.

    **Returns:** (problems,), 1/ms.
    """
    tiny = jnp.finfo(deviations.dtype).tiny
    length = jnp.sqrt(jnp.sum(deviations[:-1] ** 2, axis=-1))[..., None] + tiny
    before, after = deviations[:-1] / length, deviations[1:] / length
    rounding = jnp.finfo(deviations.dtype).eps * (1 + scale / (jnp.abs(deviations[:-1]).max(axis=(0, 2)) + tiny))
    q, r = _orthonormalised(before, 200 * rounding)  # normal equations would square the condition
    power = jnp.linalg.solve(r, jnp.einsum("pin,kpn->pik", q, after))
    log_norm = jnp.zeros(len(power), power.dtype)
    for _ in range(SQUARINGS):
        norm = jnp.linalg.norm(power, axis=(1, 2), keepdims=True) + tiny
        log_norm = 2 * (log_norm + jnp.log(norm[:, 0, 0]))
        power = (power / norm) @ (power / norm)
    log_norm += jnp.log(jnp.linalg.norm(power, axis=(1, 2)) + tiny)
    return log_norm / 2**SQUARINGS / interval


def _orthonormalised(vectors: Array, least: Array) -> tuple[Array, Array]:
    """Gram-Schmidt, twice, of (k, problems, n): Q (problems, k, n) and R (problems, k, k) with vectors = R^T Q.

    Vectors of which less than `least`, (problems,), is new are left out: zero in Q. (LAPACK's QR hangs when several
    devices call it at once.)
    """
    k, problems, n = vectors.shape
    q, r = jnp.zeros((problems, k, n), vectors.dtype), jnp.zeros((problems, k, k), vectors.dtype)
    for j, vector in enumerate(vectors):
        for _ in range(2):
            part = jnp.einsum("pin,pn->pi", q, vector)
            vector, r = vector - jnp.einsum("pi,pin->pn", part, q), r.at[:, :, j].add(part)
        length = jnp.sqrt(jnp.sum(vector**2, axis=-1, keepdims=True))
        is_new = length > least[:, None]
        q = q.at[:, j].set(jnp.where(is_new, vector / jnp.where(is_new, length, 1), 0))
        r = r.at[:, j, j].add(jnp.where(is_new, length, 1)[:, 0])
    return q, r
