"""The course of a fit: a stochastic descent, then, if it is asked for, a refinement."""

from dataclasses import dataclass, replace
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from tuneful.circuits.base import AbstractCircuit
from tuneful.descents import AbstractDescent, Ending, Outcome, Path
from tuneful.fitting import stochastic
from tuneful.fitting.certificate import Certificate, named_direction
from tuneful.fitting.problem import Problem, StepRecord
from tuneful.fitting.refinement import SAMPLE, RefinementState, Refining, refine
from tuneful.fitting.stochastic import FitState
from tuneful.fitting.stopping import Stopping
from tuneful.fitting.unconstrained import parameter_names, with_unconstrained

STARTS, REFINING = 1, 2  # streams of random numbers besides those of the descent


def refined_by(key: Array) -> Array:
    """The key of the realisations that the refinement of a course looks at at every step, from that of the course."""
    return jax.random.fold_in(jax.random.fold_in(key, REFINING), SAMPLE)


@dataclass(frozen=True, eq=False)
class CourseState:
    """Where a fit stands.

    descent, refinement
        States of the two.
    path
        Unconstrained parameters after every step, (steps, values).
    descent_steps
        How many of the steps are of the descent, or None while it lasts.
    """

    descent: FitState
    refinement: RefinementState
    path: Path
    descent_steps: int | None = None


@final
class Course(AbstractDescent[CourseState, StepRecord]):
    """A fit as a descent."""

    def __init__(self, problem: Problem, stopping: Stopping, refining: Refining, key: Array):
        """State what is to be done.

        Raises
        ------
        ValueError
            For what `Problem.start` does not take, for a refinement of an objective that learns on the way, and where
            no step is allowed.
        """
        self.problem, self.stopping, self.refining, self._key = problem, stopping, refining, key
        start, self._unravel = ravel_pytree(problem.start())
        self._dtype = start.dtype
        if not stopping.max_steps and not refining.steps:
            raise ValueError("max_steps = 0 without refine_steps: there is nothing to do.")
        if refining.steps and problem.objective.learns:
            raise ValueError(
                f"The objective {problem.objective.label} learns on the way, so that its loss is nothing that a "
                "refinement could minimise: set refine_steps = 0."
            )

    def init(self) -> CourseState:
        descent = _on_all_devices(stochastic.start(self.problem, self._key))
        point = np.asarray(ravel_pytree(descent.unconstrained)[0])
        return self._onwards(
            CourseState(descent, self._refinement_from(point, descent), Path.of(np.zeros((0, point.size))))
        )

    def step(self, state: CourseState) -> tuple[CourseState, StepRecord]:
        if state.descent_steps is not None:
            about = state.descent.unconstrained, state.refinement, jax.random.fold_in(self._key, REFINING)
            refinement, record = refine(self.problem, self.refining, *about)
            return replace(state, refinement=refinement, path=state.path.added(refinement.best.point)), record
        descent, record = stochastic.advance(self.problem, state.descent)
        now, _ = ravel_pytree(descent.unconstrained)
        return self._onwards(replace(state, descent=descent, path=state.path.added(np.asarray(now)))), record

    def steps(self, state: CourseState) -> int:
        return len(state.path)

    def ending(self, state: CourseState) -> Ending | None:
        if state.descent_steps is None:
            return self._descent_ending(state)
        return self._refinement_ending(state, len(state.path) - state.descent_steps)

    def circuit(self, state: CourseState) -> AbstractCircuit:
        """The circuit that the last step led to."""
        return self._at(state.path.rows[-1])

    def answer(self, state: CourseState) -> AbstractCircuit:
        """The fitted circuit, as far as this state knows."""
        return self._at(self.estimate(state))

    def estimate(self, state: CourseState) -> np.ndarray:
        """The parameters of the answer, unconstrained, (values,): see `named` for their names."""
        if state.descent_steps is not None and len(state.path) > state.descent_steps:
            return state.path.rows[-1]
        if not len(state.path):
            return np.asarray(ravel_pytree(state.descent.unconstrained)[0])
        ending = self._descent_ending(state)
        if ending is not None and ending.outcome.is_broken:
            return np.asarray(ravel_pytree(state.descent.good)[0])
        return self.stopping.estimate(state.path.rows)

    def named(self, values: ArrayLike) -> dict[str, Array]:
        """Unconstrained parameters, (values,), by name."""
        return self._unravel(self._row(values))

    def pack(self, state: CourseState) -> Any:
        steps = np.asarray(-1 if state.descent_steps is None else state.descent_steps)
        return state.descent, state.refinement, state.path.rows, steps

    def unpack(self, arrays: Any) -> CourseState:
        """Stand where another course of the same problem was saved.

        One that refined because the maximum of steps was reached goes on with its descent if more are allowed now.
        """
        descent, refinement, rows, steps = arrays
        descent, refinement = _on_all_devices(descent), jax.tree.map(np.asarray, refinement)
        state = CourseState(descent, refinement, Path.of(rows), None if steps < 0 else int(steps))
        if state.descent_steps is None:
            return self._onwards(state)
        before = replace(state, path=state.path.until(state.descent_steps), descent_steps=None)
        return before if self._descent_ending(before) is None else state

    def _descent_ending(self, state: CourseState) -> Ending | None:
        return self.stopping.ending(state.path.rows, int(state.descent.failed))

    def _onwards(self, state: CourseState) -> CourseState:
        """Go over to the refinement where the descent ends well."""
        ending = self._descent_ending(state)
        if not self.refining.steps or ending is None or ending.outcome.is_broken:
            return state
        refinement = self._refinement_from(self.estimate(state), state.descent)
        return replace(state, refinement=refinement, descent_steps=len(state.path))

    def _refinement_from(self, point: np.ndarray, descent: FitState) -> RefinementState:
        learns = self.problem.objective.learns  # and is not refined
        objective = None if learns else jax.tree.map(lambda a: jnp.asarray(np.asarray(a)), descent.objective)
        return RefinementState.start(point, self.refining, objective, jax.random.fold_in(self._key, STARTS))

    def _refinement_ending(self, state: CourseState, steps: int) -> Ending | None:
        certificate = state.refinement.certificate()
        if certificate is not None:
            return self._judged(certificate, state)
        if state.refinement.is_lost:
            origin = "a smaller sample led to" if state.refinement.level else "the descent ended at"
            words = f"stopped: no step of the refinement could be taken; the parameters are those that {origin}."
            return Ending(Outcome.LOST, words)
        if steps >= self.refining.steps:
            return Ending(Outcome.MAX_STEPS, f"reached the maximum of {self.refining.steps} refining steps")
        return None

    def _judged(self, certificate: Certificate, state: CourseState) -> Ending:
        if certificate.is_empty:
            return Ending(
                Outcome.STALLED,
                "not converged: nothing that is compared changes with any parameter here, as where all cells are "
                "silent; start from other values",
            )
        test = (
            f"with fresh random numbers, chi-square {certificate.statistic:.1f} on {len(certificate.gradient)} "
            f"directions, p = {certificate.p_value:.2g}"
        )
        if certificate.holds:
            return Ending(Outcome.CONVERGED, f"converged: the gradient is within its sampling error ({test})")
        names = parameter_names(self.named(self.estimate(state)))
        slides = named_direction(certificate.sliding, names)
        return Ending(Outcome.STALLED, f"not converged: the loss still falls with {slides} ({test})")

    def _row(self, values: ArrayLike) -> Array:
        """Unconstrained parameters as an array on one device."""
        return jnp.asarray(np.asarray(values), self._dtype)

    def _at(self, values: ArrayLike) -> AbstractCircuit:
        """The circuit with these values, taken off the devices: LAPACK's eigenvalues hang on several at once."""
        return with_unconstrained(self.problem.circuit, self.named(values))


def _on_all_devices(state: Any) -> Any:
    """Copy a state to every device, where steps leave it: otherwise the second step would be compiled once more."""
    devices = jax.devices()
    if len(devices) == 1:
        return state
    everywhere = NamedSharding(Mesh(np.array(devices), ("realisation",)), PartitionSpec())
    if jax.process_count() == 1:
        return jax.device_put(state, everywhere)
    return jax.jit(lambda state: state, out_shardings=everywhere)(state)  # also to those of other processes
