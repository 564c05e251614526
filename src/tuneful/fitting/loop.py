"""The fitting loop. It knows the contracts of circuits and objectives, and nothing else about them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.flatten_util import ravel_pytree

from tuneful.circuits.base import AbstractCircuit, Response
from tuneful.circuits.ensemble import map_realisations
from tuneful.fitting.clipping import clip_to_running_norm
from tuneful.fitting.unconstrained import to_free, with_free
from tuneful.objectives.base import AbstractObjective, Generated, Measured, weighted_mean
from tuneful.objectives.penalties import AbstractPenalty
from tuneful.solvers import Status

FOR_PENALTIES = 2**31  # streams of a realisation's key that no circuit splits off


class FitState(eqx.Module):
    """Everything that the next step depends on: saved, it resumes a fit bit for bit."""

    step: Array  # (), int: steps taken
    key: Array  # the random key of all steps to come
    free: dict[str, Array]  # the fitted parameters, unconstrained
    good: dict[str, Array]  # those of the last step that could be taken
    moments: optax.OptState
    objective: Any
    pace: Array  # (): by which steps are shortened, 1 unless steps failed of late
    failed: Array  # (), int: consecutive steps that could not be taken


class StepRecord(eqx.Module):
    """What is worth knowing about one step."""

    loss: Array  # (): of the objective
    penalty: Array  # (): added to it
    gradient_norm: Array  # ()
    rejected: Array  # (): fraction of realisations that did not settle
    saturated: Array  # (): fraction of realisations that settled where the input-output function saturates
    finite: Array  # (), bool: whether loss, gradient and the new parameters were
    taken: Array  # (), bool: False if the fit went back to its last good parameters


class Problem(eqx.Module):
    """A circuit, the names of its fitted parameters, an objective, and the curves to be matched.

    `penalties` are added to the objective. A step at which more than `max_lost` of the realisations do not settle, or
    settle in saturation, where there is no gradient to lead out, is not taken. `clip` limits gradients to so many
    times their running norm (None: no limit). After every `half_life` steps their length has halved (None: never).
    """

    circuit: AbstractCircuit
    objective: AbstractObjective
    data: Measured
    fitted: tuple[str, ...] = eqx.field(static=True)
    penalties: tuple[AbstractPenalty, ...] = ()
    max_lost: float = eqx.field(static=True, default=0.5)
    clip: float | None = eqx.field(static=True, default=None)
    half_life: float | None = eqx.field(static=True, default=None)

    def start(self, key: Array) -> FitState:
        """Make the state before the first step.

        **Raises:** `ValueError` for parameters that the circuit does not have or that are out of range, and for a
        penalty that does not apply to the circuit.
        """
        for_objective, for_steps = jax.random.split(key)
        free = to_free(self.circuit, self.fitted)
        if self.penalties:  # they are asked before anything is written or computed
            jax.eval_shape(lambda k: self.generate(free, k, 1), key)
        return FitState(
            step=jnp.zeros((), jnp.int32),
            key=for_steps,
            free=free,
            good=free,
            moments=self.optimiser().init(free),
            objective=self.objective.init(for_objective, self.data),
            pace=jnp.ones(()),
            failed=jnp.zeros((), jnp.int32),
        )

    def optimiser(self) -> optax.GradientTransformation:
        """The objective's optimiser, behind the limit on gradients."""
        own = self.objective.optimiser()
        return own if self.clip is None else optax.chain(clip_to_running_norm(self.clip), own)

    def generate(self, free: dict[str, Array], key: Array, batches: int, curves: int | None = None) -> "Sample":
        """Draw batches of curves, the objective's by default, at the given parameters: fields get a leading axis."""
        circuit = with_free(self.circuit, free)
        realisations = -(-(curves or self.objective.batch) // circuit.cells_per_realisation)

        def realise(circuit: AbstractCircuit, key: Array) -> tuple[Response, Array]:
            z = circuit.draw(key)
            response = circuit.respond(z)
            own = [jax.random.fold_in(key, FOR_PENALTIES + i) for i in range(len(self.penalties))]
            costs = [p(circuit, z, response, k) for p, k in zip(self.penalties, own, strict=True)]
            cost = sum(costs, jnp.zeros(()))
            return response, jnp.where(response.settled, cost, 0)

        response, cost = map_realisations(realise, circuit, key, batches * realisations)
        generated = Generated.from_response(response)
        parts = generated, cost, response.settled, response.settled & (response.status == Status.SATURATED)
        generated, cost, settled, saturated = jax.tree.map(lambda a: a.reshape(batches, -1, *a.shape[1:]), parts)
        penalty = jax.vmap(weighted_mean)(cost, settled.astype(cost.dtype))
        return Sample(generated, penalty, (~settled).mean(axis=1), saturated.mean(axis=1))


class Sample(eqx.Module):
    """What realisations of a circuit have to say to a fit."""

    curves: Generated
    penalty: Array  # (): mean over the realisations that settled
    rejected: Array  # (): fraction of realisations
    saturated: Array  # (): fraction of realisations


def evaluate(
    problem: Problem, free: dict[str, Array], objective: Any, for_sample: Array, for_loss: Array, curves: int
) -> tuple[dict[str, Array], StepRecord]:
    """Gradient of loss and penalty at the given parameters, with so many curves.

    The record tells whether a step may be taken on it: all is finite, and not too many realisations were lost.
    """

    def loss_of(free: dict[str, Array]) -> tuple[Array, tuple[Array, Sample]]:
        sample = jax.tree.map(lambda a: a[0], problem.generate(free, for_sample, batches=1, curves=curves))
        loss = problem.objective.loss(sample.curves, objective, problem.data, for_loss)
        return loss + sample.penalty, (loss, sample)

    gradient, (loss, sample) = jax.grad(loss_of, has_aux=True)(free)
    norm = jnp.linalg.norm(ravel_pytree(gradient)[0])
    finite = jnp.isfinite(loss + sample.penalty) & jnp.isfinite(norm)
    taken = finite & (sample.rejected + sample.saturated <= problem.max_lost)
    return gradient, StepRecord(loss, sample.penalty, norm, sample.rejected, sample.saturated, finite, taken)


@eqx.filter_jit
def advance(problem: Problem, state: FitState) -> tuple[FitState, StepRecord]:
    """Take one step: improve the objective's own state, then the circuit.

    A step whose loss, gradient or result is not finite, or that lost most realisations, is not taken: parameters go
    back to those of the last step that was, and the next steps are shorter. All but the random key stays.
    """
    key, for_update, for_sample, for_loss = jax.random.split(state.key, 4)

    def generate(key: Array, batches: int) -> Generated:
        return jax.lax.stop_gradient(problem.generate(state.free, key, batches).curves)

    improved = problem.objective.update(state.objective, generate, problem.data, for_update)
    gradient, record = evaluate(problem, state.free, improved, for_sample, for_loss, problem.objective.batch)
    change, moments = problem.optimiser().update(gradient, state.moments, state.free)
    cooled = 1.0 if problem.half_life is None else 2.0 ** (-state.step / problem.half_life)
    free = optax.apply_updates(state.free, jax.tree.map(lambda c: cooled * state.pace * c, change))
    finite = jnp.isfinite(ravel_pytree(free)[0]).all()
    record = eqx.tree_at(lambda r: (r.finite, r.taken), record, (record.finite & finite, record.taken & finite))
    free, good, moments, improved = jax.tree.map(
        lambda new, old: jnp.where(record.taken, new, old),
        (free, state.free, moments, improved),
        (state.good, state.good, state.moments, state.objective),
    )
    pace = jnp.where(record.taken, jnp.minimum(1, 1.1 * state.pace), state.pace / 2)
    failed = jnp.where(record.taken, 0, state.failed + 1)
    return FitState(state.step + 1, key, free, good, moments, improved, pace, failed), record
