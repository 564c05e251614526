"""Refinement: the end of a descent, with the same random numbers at every step.

With its random numbers held fixed, a sample of curves is a differentiable function of the parameters, and so is its
distance to the data: the average over a sample stands for the expectation ("sample average approximation" [Kleywegt,
Shapiro & Homem-de-Mello 2002]). That is an ordinary minimisation in a few parameters, where the second-order method
of Broyden, Fletcher, Goldfarb and Shanno goes along narrow valleys that a stochastic descent does not find out of.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float, Int

from tuneful.fitting.problem import Problem, StepRecord, evaluate
from tuneful.fitting.stochastic import FitState

FIRST = 0.05  # largest change of an unconstrained parameter in the first step: 5 % of a positive one
LARGEST = 0.5  # and in any other
DECREASE = 1e-4  # part of the decrease promised by the slope that must come true [Armijo 1966]
SHORTER = 0.1, 0.5  # how much shorter the next trial on a line may be
CURVED = 1e-4  # least cosine between a step and the change of the gradient from which curvature is learned
PATIENCE = 10  # steps


class Refining(eqx.Module):
    """How a fit is to be refined when its descent is over.

    Parameters
    ----------
    steps
        At most; 0: not at all.
    batch
        Generated curves, with the same random numbers at every step.
    tolerance
        Fall of the loss in `PATIENCE` steps below which the refinement has converged.
    """

    steps: int = eqx.field(static=True, default=0)
    batch: int = eqx.field(static=True, default=1000)
    tolerance: float = eqx.field(static=True, default=2e-4)


class RefinementState(eqx.Module):
    """Where a refinement stands. Vectors are the fitted parameters, unconstrained, in one row."""

    key: Array  # the random key of every sample
    best: Float[Array, " n"]  # where the loss is lowest so far
    loss: Float[Array, ""]  # there, infinite before the first evaluation
    gradient: Float[Array, " n"]  # there
    inverse: Float[Array, "n n"]  # estimate of the inverse Hessian
    step_scale: Float[Array, ""]  # the part of the quasi-Newton step that the next trial takes
    learned: Bool[Array, ""]  # whether the inverse Hessian is more than the identity
    mark: Float[Array, ""]  # the loss that was last seen to fall
    since: Int[Array, ""]  # steps since then

    @classmethod
    def start(cls, point: Array, key: Array) -> "RefinementState":
        """Before the first evaluation, which is at `point`."""
        unknown = jnp.full_like(point[0], jnp.inf)
        inverse = jnp.eye(len(point), dtype=point.dtype)
        one, flat = jnp.ones_like(unknown), jnp.zeros_like(point)
        return cls(key, point, unknown, flat, inverse, one, jnp.array(False), unknown, jnp.zeros((), jnp.int32))

    @property
    def trial(self) -> Array:
        """Where the next evaluation is, (n,)."""
        return self.best + self.step_scale * self._step

    @property
    def _step(self) -> Array:
        """The quasi-Newton step, as far as is allowed; at first one down the gradient."""
        step = -self.inverse @ self.gradient
        largest = jnp.maximum(jnp.abs(step).max(), jnp.finfo(step.dtype).tiny)
        return step * jnp.where(self.learned, jnp.minimum(1, LARGEST / largest), FIRST / largest)

    def after(self, loss: Array, gradient: Array, valid: Array, tolerance: float) -> "RefinementState":
        """Use what was found at the trial: go on from there, or try a shorter step next."""
        slope = self.step_scale * jnp.dot(self.gradient, self._step)
        lower = valid & (loss <= self.loss + DECREASE * slope)
        new = jax.tree.map(
            lambda a, b: jnp.where(lower, a, b), self._there(loss, gradient), self._shorter(loss, slope)
        )
        fell = new.loss < self.mark - tolerance
        watched = jnp.where(fell, new.loss, self.mark), jnp.where(fell, 0, self.since + 1)
        return eqx.tree_at(lambda state: (state.mark, state.since), new, watched)

    def _shorter(self, loss: Array, slope: Array) -> "RefinementState":
        """Stay, and aim at the lowest point of the parabola through what is known of this line."""
        lowest = slope / (2 * (slope - (loss - self.loss)))
        shorter = jnp.clip(jnp.nan_to_num(lowest, nan=0.0), *SHORTER)
        return eqx.tree_at(lambda state: state.step_scale, self, self.step_scale * shorter)

    def _there(self, loss: Array, gradient: Array) -> "RefinementState":
        """Go to the trial, and learn the curvature between here and there; the first one sets the scale."""
        s, y = self.trial - self.best, gradient - self.gradient
        along, steep = jnp.dot(s, y), jnp.dot(y, y)
        bends = jnp.isfinite(self.loss) & (along > CURVED * jnp.sqrt(jnp.dot(s, s) * steep))
        along, steep = jnp.where(bends, along, 1), jnp.where(bends, steep, 1)
        scaled = jnp.where(self.learned, 1, along / steep) * self.inverse
        left = jnp.eye(len(s), dtype=s.dtype) - jnp.outer(s, y) / along
        inverse = jnp.where(bends, left @ scaled @ left.T + jnp.outer(s, s) / along, self.inverse)
        step_scale = jnp.where(
            bends | ~jnp.isfinite(self.loss), 1, 2 * self.step_scale
        )  # farther where it bends down
        known = self.trial, loss, gradient, inverse, step_scale, self.learned | bends
        return RefinementState(self.key, *known, self.mark, self.since)


@eqx.filter_jit
def refine(
    problem: Problem, plan: Refining, descent: FitState, state: RefinementState
) -> tuple[RefinementState, StepRecord]:
    """Take one step: evaluate the trial, with the same random numbers as ever, after a descent that ended there."""
    _, unravel = ravel_pytree(descent.unconstrained)
    for_sample, for_loss = jax.random.split(state.key)
    gradient, record = evaluate(problem, unravel(state.trial), descent.objective, for_sample, for_loss, plan.batch)
    flat, _ = ravel_pytree(gradient)
    return state.after(record.loss + record.penalty, flat, record.taken, plan.tolerance), record
