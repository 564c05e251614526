"""The search for a steady state: bursts of the dynamics, an attempt to finish after each, and what is believed."""

import enum
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from tuneful.solvers.anderson_acceleration import Root, anderson, size
from tuneful.solvers.growth_rates import abscissa_on_span, growth_rate
from tuneful.solvers.search_settings import SearchSettings

Distance = Callable[[Array], Array]  # how far from where they are driven to the rates of all problems are


class Status(enum.IntEnum):
    """What became of a search, from good to bad."""

    SETTLED = 0
    SATURATED = 1  # settled with a rate above the ceiling, or diverged
    MOVING = 2  # the time was up
    OSCILLATING = 3


class Progress(eqx.Module):
    """Where a search stands.

    Rates are on the trajectory, or the steady state once it is found; `peak` is the fastest change of a rate in a
    step of the last burst; `time` is simulated, ms. Several groups side by side are a leading axis of all that is not
    the same for all of them.
    """

    rates: Float[Array, "*groups problems n"]
    residual: Float[Array, "*groups problems"]
    status: Int[Array, "*groups problems"]
    peak: Float[Array, "*groups problems"]
    bursts: Int[Array, ""]
    time: Float[Array, ""]
    evaluations: Int[Array, "*groups"]

    @classmethod
    def at(cls, rest: Float[Array, "*groups problems n"]) -> "Progress":
        """Before the first burst."""
        unknown, none = jnp.full(rest.shape[:-1], jnp.inf, rest.dtype), jnp.zeros((), jnp.int32)
        moving, used = jnp.full(rest.shape[:-1], Status.MOVING), jnp.zeros(rest.shape[:-2], jnp.int32)
        return cls(rest, unknown, moving, unknown, none, jnp.zeros((), rest.dtype), used)

    @property
    def pending(self) -> Bool[Array, "*groups problems"]:
        """Which problems have not been decided."""
        return self.status == Status.MOVING


class Plan(eqx.Module):
    """Of one burst: whether it is an early one, its steps, one of them and the interval of snapshots in ms, and
    products of a probe.
    """

    early: Bool[Array, ""]
    length: Int[Array, ""]
    step: Float[Array, ""]
    interval: Float[Array, ""]
    products: Int[Array, ""]


class Burst(eqx.Module):
    """A stretch of a trajectory.

    Rates are where it ends, `distance` is what they lack there; `snapshots` are equally spaced states of its second
    half; `peak` is the fastest change of a rate in a step, `path` those of all steps added up.
    """

    rates: Float[Array, "*groups problems n"]
    distance: Float[Array, "*groups problems n"]
    snapshots: Float[Array, "*groups problems snapshots+1 n"]
    peak: Float[Array, "*groups problems"]
    path: Float[Array, "*groups problems"]


class Search(eqx.Module):
    """Bursts of the dynamics, after each an attempt to finish.

    The early ones, quick and a little finer, and the first of the fine ones start at rest; each of the later ones
    goes on where the last ended, and takes as long as all fine ones before.
    """

    tau: Array
    step: Array | float
    tolerance: Array | float
    max_time: Array | float
    ceiling: Array | float
    settings: SearchSettings = eqx.field(static=True)

    def run(self, distance: Distance, rest: Float[Array, "problems n"]) -> Progress:
        """Search from `rest` until every problem is decided or the time is up."""
        return jax.lax.while_loop(
            lambda now: self.goes_on(now), lambda now: self._next(now, distance, rest), Progress.at(rest)
        )

    def goes_on(self, now: Progress) -> Bool[Array, "*groups"]:
        """Whether a search, or each of several, has more to do."""
        moves = now.pending & (jnp.isfinite(now.residual) | (now.bursts == 0))
        return jnp.any(moves, axis=-1) & (now.time < self.max_time)

    def _next(self, old: Progress, distance: Distance, rest: Array) -> Progress:
        """Take the next burst, and try to finish the problems that are pending."""
        plan = self.plan(old)
        burst = self.follow(distance, old.rates, plan)
        root = anderson(distance, burst.rates, self.accepted, self.settings.attempt_evaluations, old.pending)
        reached, products = self.judge(distance, burst, root, old.pending, plan)
        return self.after(old, rest, plan, burst, root, reached, products[0])

    def plan(self, old: Progress) -> Plan:
        """What the next burst is."""
        of = self.settings
        early = old.bursts < len(of.finer) - 1
        kind = jnp.minimum(old.bursts, len(of.finer) - 1)
        finer, spacing = jnp.array(of.finer, jnp.int32)[kind], jnp.array(of.spacing, jnp.int32)[kind]
        step = self.step / finer.astype(old.rates.dtype)
        length = of.quick_steps * finer * 2 ** jnp.maximum(old.bursts - len(of.finer), 0)
        interval = (length // (2 * of.snapshots)).astype(step.dtype) * step
        return Plan(early, length, step, interval, spacing * jnp.where(early, *of.probe_products))

    def follow(self, distance: Distance, start: Array, plan: Plan) -> Burst:
        """Take steps of exponential Euler."""
        share = -jnp.expm1(-plan.step / self.tau)[None]

        def take(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            rates, peak, path = carry
            change = share * distance(rates)
            speed = size(change)
            return rates + change, jnp.maximum(peak, speed), path + speed

        zero = jnp.zeros(len(start), start.dtype)
        rates, peak, path = _repeat(take, (start, zero, zero), plan.length, self.settings.snapshots)
        return Burst(rates[-1], distance(rates[-1]), jnp.moveaxis(rates, 0, -2), peak[-1], path[-1])

    def judge(
        self, distance: Distance, burst: Burst, root: Root, pending: Array, plan: Plan, groups: int = 1
    ) -> tuple[Bool[Array, " problems"], Int[Array, " groups"]]:
        """Which problems have reached their steady state, and products with the Jacobian that it took to tell.

        All groups are probed in the same direction, as each would be by itself.
        """
        found = pending & (root.residual <= self.accepted(root.point))
        hopeful = found & self._arrives(burst, root.point, plan)
        is_probed = jnp.any(hopeful.reshape(groups, -1), axis=1)
        products = jnp.where(jnp.any(is_probed), plan.products, 0)
        decay = self._decay(distance, root.point, products, plan.step, groups)
        reached = hopeful & (decay >= jnp.where(plan.early, *self.settings.slowest_decay))
        return reached, jnp.where(is_probed, plan.products + 1, 0)

    def after(
        self, old: Progress, rest: Array, plan: Plan, burst: Burst, root: Any, reached: Array, products: Array
    ) -> Progress:
        """Where a search stands after a burst, an attempt and its judgement; or each of several."""
        cycles = ~reached & (plan.length >= self.settings.cycle_steps) & self._repeats(burst, old)
        status = jnp.where(cycles, Status.OSCILLATING, old.status)
        rates = jnp.where(reached[..., None], root.point, jnp.where(plan.early, rest, burst.rates))
        residual, pending = jnp.where(reached, root.residual, size(burst.distance)), old.pending
        return Progress(
            rates=jnp.where(pending[..., None], rates, old.rates),
            residual=jnp.where(pending, residual, old.residual),
            status=jnp.where(pending, jnp.where(reached, Status.SETTLED, status), old.status),
            peak=burst.peak,
            bursts=old.bursts + 1,
            time=old.time + jnp.where(plan.early, 0, plan.length.astype(plan.step.dtype) * plan.step),
            evaluations=old.evaluations + plan.length + root.evaluations + 1 + products,
        )

    def ended(self, end: Progress) -> tuple[Bool[Array, "*groups problems"], Int[Array, "*groups problems"]]:
        """Which problems settled, and their status."""
        settled = (end.status == Status.SETTLED) | (end.residual <= self.accepted(end.rates))
        saturated = (settled & (end.rates.max(axis=-1) > self.ceiling)) | ~jnp.isfinite(end.residual)
        status = jnp.where(saturated, Status.SATURATED, jnp.where(settled, Status.SETTLED, end.status))
        return settled, status

    def accepted(self, rates: Array) -> Array:
        """The largest residual to accept."""
        return jnp.maximum(self.tolerance, 8 * jnp.finfo(rates.dtype).eps * size(rates))

    def _arrives(self, burst: Burst, point: Array, plan: Plan) -> Array:
        """Whether the dynamics are on their way to a point: (problems,), bool.

        A coarse trajectory feigns growth where a network oscillates, so that early bursts are only asked to have come
        two thirds of the way, to a point that is not saturated, and not to run away from it.
        """
        deviations = jnp.moveaxis(burst.snapshots, -2, 0) - point[None]
        growth = growth_rate(deviations, plan.interval, size(point))
        left = size(burst.rates - point)
        near = (
            (left <= size(point) / 3)
            & (point.max(axis=-1) <= self.ceiling)
            & (growth <= self.settings.feigned_growth)
        )
        return jnp.where(
            plan.early, near, (left <= 10 * self.accepted(point)) | (growth <= -self.settings.slowest_decay[1])
        )

    def _repeats(self, burst: Burst, before: Progress) -> Array:
        """Whether a trajectory as long as all before goes on as fast as ever, and gets nowhere."""
        as_fast = jnp.abs(burst.peak - before.peak) < self.settings.same_speed * before.peak
        return as_fast & (size(burst.rates - before.rates) < self.settings.least_progress * burst.path)

    def _decay(self, distance: Distance, point: Array, length: Array, step: Array, groups: int) -> Array:
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
            of_one = jax.random.normal(jax.random.key(0), (len(point) // groups, point.shape[-1]), point.dtype)
        direction = jnp.tile(of_one, (groups, 1))
        change = linear(direction) / self.tau[None]
        start = (change - centre * direction) / radius, direction, change  # T_1 and T_-1 are the same
        _, states, changes = _repeat(take, start, length, self.settings.snapshots)
        return -abscissa_on_span(states[-2::-1], changes[-2::-1], self.settings.instant * step)


def _repeat(take: Callable[[Any], Any], start: Any, times: Array, snapshots: int) -> Any:
    """Apply `take` so many times: equally spaced states of the second half, the end last."""
    spacing = times // (2 * snapshots)
    steps = jnp.full(snapshots + 1, spacing).at[0].set(times - snapshots * spacing)

    def several(carry: Any, k: Array) -> tuple[Any, Any]:
        end = jax.lax.fori_loop(0, k, lambda _, c: take(c), carry)
        return end, end

    _, states = jax.lax.scan(several, start, steps)  # one loop for all: each copy of `take` is compiled
    return states
