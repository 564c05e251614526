"""What a fit solves. It knows the contracts of circuits and objectives, and nothing else about them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from tuneful.circuits.base import AbstractCircuit
from tuneful.circuits.ensemble import FASTEST, Schedule, map_realisations
from tuneful.circuits.parameters import with_fields
from tuneful.fitting.realisations import Realiser
from tuneful.fitting.steps import Steps
from tuneful.fitting.unconstrained import unconstrained_values, with_unconstrained
from tuneful.objectives.base import AbstractObjective, Generated, Measured, weighted_mean
from tuneful.objectives.penalties import AbstractPenalty
from tuneful.objectives.per_label import PerLabel, label_by_label
from tuneful.solvers import Status


class StepRecord(eqx.Module):
    """What is worth knowing about one step."""

    loss: Float[Array, ""]  # of the objective
    penalty: Float[Array, ""]  # added to it
    gradient_norm: Float[Array, ""]
    rejected: Float[Array, ""]  # fraction of realisations that did not settle
    saturated: Float[Array, ""]  # fraction of realisations that settled where the input-output function saturates
    unsolved: Float[
        Array, ""
    ]  # adjoint solves, one a condition, that did not converge: they are no part of the gradient
    finite: Bool[Array, ""]  # whether loss, gradient and the new parameters were
    taken: Bool[Array, ""]  # False if the fit went back to its last good parameters


class Sample(eqx.Module):
    """What realisations of a circuit have to say to a fit; a leading axis is one of batches."""

    curves: Generated
    penalty: Float[Array, "*batches"]  # mean over the realisations that settled
    rejected: Float[Array, "*batches"]  # fraction of realisations
    saturated: Float[Array, "*batches"]  # fraction of realisations


class Problem(eqx.Module):
    """A circuit, the names of its fitted parameters, an objective, and the curves to be matched.

    `penalties` are added to the objective. `steps` says how a stochastic descent goes. `labels` has the number of the
    label of every recorded cell, as `Generated.labels`: empty where all are alike. `schedule` says how realisations
    share a device.
    """

    circuit: AbstractCircuit
    objective: AbstractObjective
    data: Measured
    fitted: tuple[str, ...] = eqx.field(static=True)
    penalties: tuple[AbstractPenalty, ...] = ()
    steps: Steps = Steps()
    labels: tuple[int, ...] = eqx.field(static=True, default=())
    schedule: Schedule = eqx.field(static=True, default=FASTEST)

    @property
    def distance(self) -> AbstractObjective | PerLabel:
        """What is computed of the objective: where there are labels, like is compared with like."""
        return label_by_label(self.objective) if self.labels else self.objective

    def start(self) -> dict[str, Array]:
        """The fitted parameters where the fit starts, unconstrained.

        Raises
        ------
        ValueError
            For parameters that the circuit does not have or that are out of range, and for a penalty that does not
            apply to the circuit.
        """
        unconstrained = unconstrained_values(self.circuit, self.fitted)
        if self.penalties:  # they are asked before anything is written or computed
            jax.eval_shape(lambda k: self.generate(unconstrained, k, batches=1, curves=1), jax.random.key(0))
        return unconstrained

    @property
    def realiser(self) -> Realiser:
        """What draws realisations."""
        return Realiser(self.circuit, self.penalties, self.schedule)

    def record(
        self, loss: Array, penalty: Array, gradient: Array, rejected: Array, saturated: Array, unsolved: Array
    ) -> StepRecord:
        """What became of a sample; it may be stepped on if all is finite, and not too many realisations were lost."""
        norm = jnp.linalg.norm(gradient)
        finite = jnp.isfinite(loss + penalty) & jnp.isfinite(norm)
        taken = finite & (rejected + saturated <= self.steps.max_lost)
        return StepRecord(loss, penalty, norm, rejected, saturated, unsolved, finite, taken)

    def generate(
        self,
        unconstrained: dict[str, Array],
        key: Array,
        batches: int,
        curves: int,
        witness: Array | None = None,
    ) -> Sample:
        """Draw batches of at least so many curves at the given parameters: fields get a leading axis.

        The derivative of what is computed from the curves in `witness`, a zero, counts adjoint solves that did not
        converge, if the circuit has a field of that name (see `AbstractRecurrentCircuit`).
        """
        circuit = with_unconstrained(self.circuit, unconstrained)
        if witness is not None:
            circuit = with_fields(circuit, witness=witness)
        realisations = -(-curves // circuit.cells_per_realisation)

        number = batches * realisations
        response, cost = map_realisations(self.realiser.realise, circuit, key, number, schedule=self.schedule)
        generated = Generated.from_response(response, self.labels)
        parts = generated, cost, response.settled, response.settled & (response.status == Status.SATURATED)
        generated, cost, settled, saturated = jax.tree.map(lambda a: a.reshape(batches, -1, *a.shape[1:]), parts)
        penalty = jax.vmap(weighted_mean)(cost, settled.astype(cost.dtype))
        return Sample(generated, penalty, (~settled).mean(axis=1), saturated.mean(axis=1))


def evaluate(
    problem: Problem, unconstrained: dict[str, Array], objective: Any, for_sample: Array, for_loss: Array, curves: int
) -> tuple[dict[str, Array], StepRecord]:
    """Gradient of loss and penalty at the given parameters, with so many curves.

    The record tells whether a step may be taken on it: all is finite, and not too many realisations were lost.
    """

    def loss_of(unconstrained: dict[str, Array], witness: Array) -> tuple[Array, tuple[Array, Sample]]:
        batches = problem.generate(unconstrained, for_sample, 1, curves, witness)
        sample = jax.tree.map(lambda a: a[0], batches)
        loss = problem.distance.loss(sample.curves, objective, problem.data, for_loss)
        return loss + sample.penalty, (loss, sample)

    slopes, (loss, sample) = jax.grad(loss_of, argnums=(0, 1), has_aux=True)(unconstrained, jnp.zeros(()))
    gradient, unsolved = slopes
    about = ravel_pytree(gradient)[0], sample.rejected, sample.saturated, unsolved
    return gradient, problem.record(loss, sample.penalty, *about)
