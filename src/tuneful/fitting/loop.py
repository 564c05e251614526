"""The fitting loop. It knows the contracts of circuits and objectives, and nothing else about them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.flatten_util import ravel_pytree

from tuneful.circuits.base import AbstractCircuit
from tuneful.fitting.parameters import to_free, with_free
from tuneful.objectives.base import AbstractObjective, Generated, Measured


class FitState(eqx.Module):
    """Everything that the next step depends on: saved, it resumes a fit bit for bit."""

    step: Array  # (), int: steps taken
    key: Array  # the random key of all steps to come
    free: dict[str, Array]  # the fitted parameters, unconstrained
    moments: optax.OptState
    objective: Any
    skipped: Array  # (), int: consecutive steps with a gradient that was not finite


class StepRecord(eqx.Module):
    """What is worth knowing about one step."""

    loss: Array  # ()
    gradient_norm: Array  # ()
    rejected: Array  # (): fraction of realisations that did not settle
    finite: Array  # (), bool: False if the step was skipped


class Problem(eqx.Module):
    """A circuit, the names of its fitted parameters, an objective, and the curves to be matched."""

    circuit: AbstractCircuit
    objective: AbstractObjective
    data: Measured
    fitted: tuple[str, ...] = eqx.field(static=True)

    def start(self, key: Array) -> FitState:
        """Make the state before the first step."""
        for_objective, for_steps = jax.random.split(key)
        free = to_free(self.circuit, self.fitted)
        return FitState(
            step=jnp.zeros((), jnp.int32),
            key=for_steps,
            free=free,
            moments=self.objective.optimiser().init(free),
            objective=self.objective.init(for_objective, self.data),
            skipped=jnp.zeros((), jnp.int32),
        )

    def generate(self, free: dict[str, Array], key: Array, batches: int) -> Generated:
        """Draw batches of curves at the given parameters: fields with a leading axis."""
        realisations = -(-self.objective.batch // self.circuit.cells_per_realisation)
        response = with_free(self.circuit, free).sample(key, batches * realisations)
        return jax.tree.map(lambda a: a.reshape(batches, -1, *a.shape[1:]), Generated.from_response(response))


@eqx.filter_jit
def advance(problem: Problem, state: FitState) -> tuple[FitState, StepRecord]:
    """Take one step: improve the objective's own state, then the circuit.

    A step whose loss, gradient or result is not finite changes nothing but the random key.
    """
    key, for_update, for_sample, for_loss = jax.random.split(state.key, 4)
    objective = problem.objective

    def generate(key: Array, batches: int) -> Generated:
        return jax.lax.stop_gradient(problem.generate(state.free, key, batches))

    def loss_of(free: dict[str, Array]) -> tuple[Array, Generated]:
        generated = jax.tree.map(lambda a: a[0], problem.generate(free, for_sample, batches=1))
        return objective.loss(generated, improved, problem.data, for_loss), generated

    improved = objective.update(state.objective, generate, problem.data, for_update)
    (loss, generated), gradient = jax.value_and_grad(loss_of, has_aux=True)(state.free)
    change, moments = objective.optimiser().update(gradient, state.moments, state.free)
    free = optax.apply_updates(state.free, change)
    norm = jnp.linalg.norm(ravel_pytree(gradient)[0])
    finite = jnp.isfinite(loss) & jnp.isfinite(norm) & jnp.isfinite(ravel_pytree(free)[0]).all()
    free, moments, improved = jax.tree.map(
        lambda new, old: jnp.where(finite, new, old),
        (free, moments, improved),
        (state.free, state.moments, state.objective),
    )
    skipped = jnp.where(finite, 0, state.skipped + 1)
    record = StepRecord(loss, norm, 1 - generated.weight.mean(), finite)
    return FitState(state.step + 1, key, free, moments, improved, skipped), record
