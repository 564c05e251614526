"""Refinement: the end of a fit, with the same random numbers at every step.

With its random numbers held fixed, a sample of curves is a differentiable function of the parameters, and so is its
distance to the data: the average over a sample stands for the expectation ("sample average approximation" [Kleywegt,
Shapiro & Homem-de-Mello 2002]). Its curvature is known as well (`AbstractObjective.metric`), so that Gauss-Newton
steps go along narrow valleys that a stochastic descent does not find out of.

Small samples show the way as long as a step gains more than their sampling error feigns. Several starts go that way;
where none gains more, the sample is doubled and the better half of the starts goes on, those that ended in the same
place as one. In the largest sample they go on until the gradient is well below its sampling error, too. A start where
most networks do not settle is moved: towards one where they do, or, as long as none is known, to random places around
it. A last sample, of fresh random numbers and with the tangents of all its realisations, judges the answer.
"""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Int

from tuneful.fitting.candidates import PATIENCE, Candidate
from tuneful.fitting.certificate import Certificate
from tuneful.fitting.linearised import SHARE, Linearised, generated_at, linearise
from tuneful.fitting.problem import Problem, StepRecord

SAMPLE, FRESH, SEARCH = range(3)  # random numbers of all steps, of the last look, and of the search of each start
FLOOR = 0.3  # share of the feigned gain below which a sample that can be doubled has nothing more to say
MINIMUM = 0.1  # and the largest sample
SLOPE = 0.3  # share of the squared gradient that sampling errors make, below which it is left, too


class Refining(eqx.Module):
    """How a fit is to be refined when its descent is over.

    Parameters
    ----------
    steps
        At most; 0: not at all.
    batch
        Generated curves in the largest sample.
    first
        In the smallest; doubled up to `batch`.
    starts
        How many points to begin at: the estimate of the descent, and others around it.
    spread
        Standard deviation of the others around it, in unconstrained parameters.
    """

    steps: int = eqx.field(static=True, default=0)
    batch: int = eqx.field(static=True, default=1000)
    first: int = eqx.field(static=True, default=240)
    starts: int = eqx.field(static=True, default=1)
    spread: float = eqx.field(static=True, default=0.3)

    @property
    def sizes(self) -> list[int]:
        """Curves in the samples, one after the other."""
        doublings = max(0, int(np.ceil(np.log2(self.batch / self.first))))
        return [min(self.batch, self.first * 2**k) for k in range(doublings + 1)]

    def search(self, key: Array, trial: int, n: int) -> np.ndarray:
        """How far from a start where nothing settles a trial looks, (n,): not at all at first, and in the end."""
        if not 0 < trial < PATIENCE:
            return np.zeros(n)
        return (
            self.spread * np.sqrt(trial) * np.asarray(jax.random.normal(jax.random.fold_in(key, trial), (n,)), float)
        )


class RefinementState(eqx.Module):
    """Where a refinement stands.

    candidates
        One a start.
    followed
        How many of them, the first, are still followed: in a larger sample, the best before the others.
    level
        Of the sample: an index of `Refining.sizes`, or one more for the last look at the answer.
    fresh
        The loss at the answer with fresh random numbers; unknown until the end.
    joined
        How many starts each stands for: those that ended in the same place.
    objective
        State of the objective, for this sample.
    """

    candidates: tuple[Candidate, ...]
    followed: Int[np.ndarray, ""]
    joined: Int[np.ndarray, " starts"]
    level: Int[np.ndarray, ""]
    fresh: Linearised
    objective: Any

    @classmethod
    def start(cls, point: np.ndarray, plan: Refining, objective: Any, key: Array) -> "RefinementState":
        """Before the first evaluation, which is at `point`, with the objective in this state."""
        n = len(point)
        others = plan.spread * np.asarray(jax.random.normal(key, (plan.starts, n)), float)
        candidates = tuple(Candidate.at(point + others[i] * (i > 0)) for i in range(plan.starts))
        alone = np.ones(plan.starts, int)
        return cls(candidates, np.array(plan.starts), alone, np.array(0), Linearised.unknown(n), objective)

    @property
    def running(self) -> tuple[Candidate, ...]:
        """The candidates that are followed."""
        return self.candidates[: int(self.followed)]

    @property
    def leader(self) -> int:
        """Which of them has the lowest loss; the first as long as none is known."""
        return int(np.argmin([c.around.loss for c in self.running]))

    @property
    def best(self) -> Candidate:
        """The candidate of lowest loss."""
        return self.candidates[self.leader]

    @property
    def is_lost(self) -> bool:
        """Whether there was no sample that could be used."""
        return all(c.is_stuck and not c.is_known for c in self.running)

    def current(self, plan: Refining) -> int | None:
        """Which candidate takes the next step; None if all are at rest in this sample."""
        is_last = int(self.level) == len(plan.sizes) - 1
        return next((i for i, candidate in enumerate(self.running) if _goes_on(candidate, is_last)), None)

    def narrowed(self) -> "RefinementState":
        """The better half of the candidates, those that ended in the same place as one, for a larger sample."""
        kept, joined = self._places()
        kept = kept[: max(1, -(-len(self.running) // 2))]
        dropped = [i for i in range(len(self.candidates)) if i not in kept]
        candidates = (*(self.candidates[i].again() for i in kept), *(self.candidates[i] for i in dropped))
        level = np.array(self.level + 1)
        joined = joined[kept + dropped]
        return RefinementState(candidates, np.array(len(kept)), joined, level, self.fresh, self.objective)

    @property
    def places(self) -> list[np.ndarray]:
        """Where candidates came to rest in this sample, each place once, that of the lowest loss first."""
        return [self.candidates[i].point for i in self._places()[0] if self.candidates[i].is_known]

    def certificate(self) -> Certificate | None:
        """What fresh random numbers say of the answer; None before they were asked."""
        if not self.fresh.is_known:
            return None
        (first, *_), joined = self._places()
        return Certificate.of(self.best.around, self.fresh, int(joined[first]), len(self.candidates))

    def _places(self) -> tuple[list[int], Int[np.ndarray, " starts"]]:
        """One candidate of each place, the best first, and for how many starts each candidate stands then."""
        order = sorted(range(len(self.running)), key=lambda i: float(self.candidates[i].around.loss))
        kept, joined = list[int](), self.joined.copy()
        for i in order:
            same = next((k for k in kept if self.candidates[i].is_near(self.candidates[k])), None)
            if same is None:
                kept.append(i)
            else:
                joined[same] += joined[i]
        return kept, joined


def _goes_on(candidate: Candidate, is_last: bool) -> bool:
    """Whether a candidate may gain something in this sample, which may be the last."""
    if candidate.is_stuck or not candidate.is_known:
        return not candidate.is_stuck
    return candidate.promises(MINIMUM) or candidate.slides(SLOPE) if is_last else candidate.promises(FLOOR)


def refine(
    problem: Problem,
    plan: Refining,
    unconstrained: dict[str, Array],
    state: RefinementState,
    key: Array,
) -> tuple[RefinementState, StepRecord]:
    """Take one step: look at one trial of one candidate, or at the answer for the last time.

    Parameters
    ----------
    problem, plan
        What is solved, and how.
    unconstrained
        Any values of the parameters, for their names and shapes.
    state
        Where the refinement stands.
    key
        Decides all random numbers.
    """
    _, unravel = ravel_pytree(unconstrained)
    dtype = next(iter(unconstrained.values())).dtype

    def look(point: np.ndarray, key: Array, curves: int, share: int = SHARE) -> tuple[Linearised, StepRecord]:
        return linearise(problem, unravel(jnp.asarray(point, dtype)), state.objective, key, curves, share)

    def sharpened(state: RefinementState) -> Any:
        at = unravel(jnp.asarray(state.best.point, dtype)), jax.random.fold_in(key, SAMPLE)
        # The covariance of curves hardly asks for more than the second smallest sample, whatever the next one is.
        seen = partial(generated_at, problem, *at, plan.sizes[min(1, int(state.level))])
        return problem.distance.sharpened(state.objective, seen, problem.data)

    who = state.current(plan)
    while who is None and state.level < len(plan.sizes) - 1:
        objective = sharpened(state)
        state = eqx.tree_at(lambda s: s.objective, state.narrowed(), objective)
        who = state.current(plan)
    if who is None:
        fresh, record = look(state.best.point, jax.random.fold_in(key, FRESH), plan.batch, share=1)
        return eqx.tree_at(lambda s: (s.fresh, s.level), state, (fresh, np.array(len(plan.sizes)))), record
    candidate = state.candidates[who]
    found, record = look(candidate.trial, jax.random.fold_in(key, SAMPLE), plan.sizes[int(state.level)])
    moved = candidate.after(found, bool(record.taken))
    if moved.failed and not moved.is_known:  # a start beyond the region where networks settle
        moved = moved.shifted(_elsewhere(moved, state, plan, jax.random.fold_in(key, SEARCH + who)))
    elif not record.taken and (careful := problem.distance.careful(state.objective)) is not None:
        state, moved = eqx.tree_at(lambda s: s.objective, state, careful), candidate.again()
    return eqx.tree_at(lambda s: s.candidates[who], state, moved), record


def _elsewhere(lost: Candidate, state: RefinementState, plan: Refining, key: Array) -> np.ndarray:
    """From a point that loses too many realisations to where to look next; an answer of a smaller sample stays."""
    if state.best.is_known:
        return (state.best.point - lost.point) / 2
    before, after = (plan.search(key, int(lost.failed) - k, len(lost.point)) for k in (1, 0))
    return (after - before) * (state.level == 0)
