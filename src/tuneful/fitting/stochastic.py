"""The stochastic descent: other random numbers at every step."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Int

from tuneful.fitting.problem import Problem, StepRecord, evaluate
from tuneful.objectives.base import Generated


class FitState(eqx.Module):
    """Everything that the next step depends on: saved, it resumes a fit bit for bit."""

    step: Int[Array, ""]  # steps taken
    key: Array  # the random key of all steps to come
    unconstrained: dict[str, Array]  # the fitted parameters
    good: dict[str, Array]  # those of the last step that could be taken
    moments: optax.OptState
    objective: Any
    step_scale: Float[Array, ""]  # by which steps are shortened, 1 unless steps failed of late
    failed: Int[Array, ""]  # consecutive steps that could not be taken


def start(problem: Problem, key: Array) -> FitState:
    """Make the state before the first step; a `ValueError` for what `Problem.start` refuses."""
    for_objective, for_steps = jax.random.split(key)
    unconstrained = problem.start()
    return FitState(
        step=jnp.zeros((), jnp.int32),
        key=for_steps,
        unconstrained=unconstrained,
        good=unconstrained,
        moments=problem.steps.optimiser().init(unconstrained),
        objective=problem.distance.init(for_objective, problem.data),
        step_scale=jnp.ones(()),
        failed=jnp.zeros((), jnp.int32),
    )


@eqx.filter_jit
def advance(problem: Problem, state: FitState) -> tuple[FitState, StepRecord]:
    """Take one step: improve the objective's own state, then the circuit.

    A step whose loss, gradient or result is not finite, or that lost more realisations than `max_lost`, is not taken:
    parameters go back to those of the last step that was, and next steps are shorter. All but the random key stays.
    """
    steps = problem.steps
    key, for_update, for_sample, for_loss = jax.random.split(state.key, 4)

    def generate(key: Array, batches: int) -> Generated:
        return jax.lax.stop_gradient(problem.generate(state.unconstrained, key, batches, steps.batch).curves)

    improved = problem.distance.update(state.objective, generate, problem.data, for_update)
    gradient, record = evaluate(problem, state.unconstrained, improved, for_sample, for_loss, steps.batch)
    with jax.numpy_dtype_promotion("standard"):  # optax raises floats to whole numbers
        change, moments = steps.optimiser().update(gradient, state.moments, state.unconstrained)
    taken = state.step.astype(state.step_scale.dtype)
    cooled = 1.0 if steps.half_life is None else 2.0 ** (-taken / steps.half_life)
    scaled = jax.tree.map(lambda c: cooled * state.step_scale * c, change)
    unconstrained = optax.apply_updates(state.unconstrained, scaled)
    finite = jnp.isfinite(ravel_pytree(unconstrained)[0]).all()
    record = eqx.tree_at(lambda r: (r.finite, r.taken), record, (record.finite & finite, record.taken & finite))
    unconstrained, good, moments, improved = jax.tree.map(
        lambda new, old: jnp.where(record.taken, new, old),
        (unconstrained, state.unconstrained, moments, improved),
        (state.good, state.good, state.moments, state.objective),
    )
    step_scale = jnp.where(record.taken, jnp.minimum(1, 1.1 * state.step_scale), state.step_scale / 2)
    failed = jnp.where(record.taken, 0, state.failed + 1)
    now = FitState(state.step + 1, key, unconstrained, good, moments, improved, step_scale, failed)
    return now, record
