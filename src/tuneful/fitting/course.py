"""The course of a fit: a stochastic descent, then, if the objective asks for one, a refinement."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.typing import ArrayLike

from tuneful.circuits.base import AbstractCircuit
from tuneful.fitting.loop import Problem, StepRecord, advance
from tuneful.fitting.refinement import PATIENCE, RefinementState, refine
from tuneful.fitting.stopping import Stopping
from tuneful.fitting.unconstrained import with_free


class Course:
    """A fit under way.

    steps
        Taken so far.
    refinement
        Where the refinement stands.
    descent
        How many of the steps are of the descent, or None while it lasts.
    ended
        Why the fit ended, or None.
    """

    def __init__(self, problem: Problem, stopping: Stopping, key: Array):
        """Stand at the start. **Raises:** `ValueError` for what `Problem.start` does not take."""
        self.problem, self.stopping = problem, stopping
        self.plan = problem.objective.refinement()
        self._state = _on_all_devices(problem.start(key))
        start, self._unravel = ravel_pytree(self._state.free)
        self.refinement = RefinementState.start(start, jax.random.fold_in(key, 1))
        self._rows = np.zeros((stopping.max_steps + self.plan.steps, start.size))
        self.steps = 0
        self.descent: int | None = None
        self.ended: str | None = None

    @property
    def path(self) -> np.ndarray:
        """Unconstrained parameters after every step, (steps, values)."""
        return self._rows[: self.steps]

    @property
    def is_broken(self) -> bool:
        """Whether the fit ended because it could not go on."""
        return self.ended is not None and self.ended.startswith("stopped")

    @property
    def circuit(self) -> AbstractCircuit:
        """The circuit that the last step led to."""
        return self._at(self.path[-1])

    @property
    def answer(self) -> AbstractCircuit:
        """The fitted circuit."""
        if self.descent is not None:
            return self.circuit
        return self._at(ravel_pytree(self._state.good)[0] if self.is_broken else self.stopping.estimate(self.path))

    def step(self) -> StepRecord:
        """Take one step, and see whether it was the last."""
        if self.descent is None:
            self._state, record = advance(self.problem, self._state)
            now, _ = ravel_pytree(self._state.free)
        else:
            self.refinement, record = refine(self.problem, self.plan, self._state, self.refinement)
            now = self.refinement.best
        self._rows[self.steps] = now
        self.steps += 1
        self._look()
        return record

    def saved(self) -> Any:
        """Everything that the next step depends on, as arrays."""
        return self._state, self.refinement, self.path, np.asarray(-1 if self.descent is None else self.descent)

    def restore(self, saved: Any) -> None:
        """Stand where another course of the same problem was saved."""
        state, refinement, path, descent = saved
        self._state, self.refinement = _on_all_devices((state, refinement))
        self.steps = len(path)
        self._rows[: self.steps] = path
        self.descent = None if descent < 0 else int(descent)
        self._look()

    def _row(self, values: ArrayLike) -> Array:
        """Unconstrained parameters as an array on one device."""
        return jnp.asarray(np.asarray(values), self.refinement.best.dtype)

    def _at(self, values: ArrayLike) -> AbstractCircuit:
        """The circuit with these values, taken off the devices: LAPACK's eigenvalues hang on several at once."""
        return with_free(self.problem.circuit, self._unravel(self._row(values)))

    def _look(self) -> None:
        """Note why the fit ends here, if it does; go over to the refinement where the descent ends well."""
        if self.descent is not None:
            self.ended = self._reason_to_stop_refining(self.steps - self.descent)
            return
        self.ended = self.stopping.reason(self.path, int(self._state.failed))
        if self.plan.steps and self.ended is not None and not self.is_broken:
            self.descent, self.ended = self.steps, None
            estimate = self._row(self.stopping.estimate(self.path))
            self.refinement = _on_all_devices(RefinementState.start(estimate, self.refinement.key))

    def _reason_to_stop_refining(self, steps: int) -> str | None:
        if int(self.refinement.since) >= PATIENCE and not np.isfinite(self.refinement.loss):
            return "stopped: no step of the refinement could be taken; the parameters are those of the descent."
        if int(self.refinement.since) >= PATIENCE:
            return f"converged: the loss fell by less than {self.plan.tolerance:g} in {PATIENCE} refining steps"
        if steps >= self.plan.steps:
            return f"reached the maximum of {self.plan.steps} refining steps"
        return None


def _on_all_devices(state: Any) -> Any:
    """Copy a state to every device, where steps leave it: otherwise the second step would be compiled once more."""
    devices = jax.devices()
    if len(devices) == 1:
        return state
    return jax.device_put(state, NamedSharding(Mesh(np.array(devices), ("realisation",)), PartitionSpec()))
