"""The searches of several groups side by side: as each would go by itself, in one program."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from tuneful.solvers.anderson_acceleration import Root
from tuneful.solvers.crowds import Own, among, crowd_anderson, flat, where_groups
from tuneful.solvers.search import Burst, Distance, Plan, Progress, Search

GroupDistance = Callable[[Array, Own], Array]  # of one group: (problems, n), and what belongs to it


class CrowdSearch(eqx.Module):
    """Searches of groups side by side, burst by burst.

    All that are under way take the same burst. Those that are done take no part in the next: see `among`.

    search
        How each group is sought.
    distance
        Of one group.
    own
        What belongs to every group: leading axes.
    """

    search: Search
    distance: GroupDistance = eqx.field(static=True)
    own: Own

    def run(self, rest: Float[Array, "groups problems n"]) -> Progress:
        """Search from `rest` until every problem of every group is decided or the time is up."""
        return jax.lax.while_loop(
            lambda now: jnp.any(self.search.goes_on(now)), lambda now: self._next(now, rest), Progress.at(rest)
        )

    def _next(self, old: Progress, rest: Array) -> Progress:
        search, plan, under_way = self.search, self.search.plan(old), self.search.goes_on(old)
        pending = old.pending & under_way[:, None]
        burst = self._follow(old.rates, plan, under_way)
        attempt = search.accepted, search.settings.attempt_evaluations, pending
        root = crowd_anderson(jax.vmap(self.distance), self.own, burst.rates, burst.distance, *attempt)
        reached, products = self._judge(burst, root, pending, plan)
        new = search.after(old, rest, plan, burst, root, reached, products)
        return jax.tree.map(lambda a, b: where_groups(under_way, a, b) if a.ndim else a, new, old)

    def _follow(self, start: Array, plan: Plan, under_way: Array) -> Burst:
        problems, kept = start.shape[1], self.search.settings.snapshots + 1
        zero = jnp.zeros_like(start)
        snapshots = jnp.repeat(zero[:, :, None], kept, axis=2)
        nothing = Burst(start, zero, snapshots, zero[..., 0], zero[..., 0])

        def follow(before: Burst, own: Own) -> Burst:
            burst = self.search.follow(self._of_rows(own, problems), flat(before.rates), plan)
            return jax.tree.map(lambda rows: rows.reshape(-1, problems, *rows.shape[1:]), burst)

        return among(under_way, follow, nothing, self.own)

    def _judge(
        self, burst: Burst, root: Root, pending: Bool[Array, "groups problems"], plan: Plan
    ) -> tuple[Bool[Array, "groups problems"], Int[Array, " groups"]]:
        groups, problems = pending.shape
        found = jnp.any(pending & (root.residual <= self.search.accepted(root.point)), axis=1)
        nobody = jnp.zeros_like(pending), jnp.zeros(groups, jnp.int32)

        def judge(verdict: tuple[Array, Array], about: tuple[Burst, Root, Array, Own]) -> tuple[Array, Array]:
            (burst, root, pending), own = jax.tree.map(flat, about[:3]), about[3]
            of_rows, some = self._of_rows(own, problems), len(verdict[1])
            reached, products = self.search.judge(of_rows, burst, root, pending, plan, some)
            return reached.reshape(some, problems), products

        return among(found, judge, nobody, (burst, root, pending, self.own))

    def _of_rows(self, own: Own, problems: int) -> Distance:
        """The distance of some groups, of their problems in one row."""
        several = jax.vmap(self.distance)
        return lambda rows: flat(several(rows.reshape(-1, problems, rows.shape[-1]), own))
