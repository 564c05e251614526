"""The bootstrap where an objective learns on the way: every replicate is a descent from the answer of the fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.analysis.coordinates import Coordinates
from tuneful.descents import AbstractDescent, Ended, Ending, Outcome, descend
from tuneful.fitting.course import Course
from tuneful.fitting.refinement import Refining
from tuneful.fitting.stopping import Stopping

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Int

    from tuneful.analysis.inference_settings import InferenceSettings
    from tuneful.circuits import AbstractCircuit
    from tuneful.fitting.problem import Problem


@final
class CriticBootstrap(AbstractDescent[np.ndarray, str]):
    """Replicates, one a step: a state is the rows of unconstrained parameters so far, (replicates, n).

    Each descends from the answer for as many steps as are set, with other random numbers, a fresh critic and units
    that are drawn with exponential weights, one a cluster; the mean over the last half of its path is its estimate.
    """

    def __init__(
        self,
        problem: Problem,
        answer: AbstractCircuit,
        settings: InferenceSettings,
        clusters: Int[np.ndarray, " units"],
        key: Array,
    ):
        """State what is to be done."""
        self._problem, self._settings, self._clusters, self._key = (
            replace(problem, circuit=answer),
            settings,
            clusters,
            key,
        )
        self._replicates = settings.replicates_of(learns=True)
        self._n = len(Coordinates(answer, problem.fitted).answer)

    def init(self) -> np.ndarray:
        return np.zeros((0, self._n))

    def step(self, state: np.ndarray) -> tuple[np.ndarray, str]:
        """Fit once more, with random weights of units; a row of parameters is added."""
        key = jax.random.fold_in(self._key, jnp.uint32(len(state)))
        for_weights, for_course = jax.random.split(key)
        weights = np.asarray(jax.random.exponential(for_weights, (int(self._clusters.max()) + 1,)))[self._clusters]
        data = self._problem.data.reweighted(weights / weights.mean())
        length = self._settings.descent
        course = Course(replace(self._problem, data=data), Stopping(length, length), Refining(), for_course)
        done = descend(course)
        if done.ending.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        if done.ending.outcome.is_broken:
            raise Ended(done.ending.outcome, f"A replicate broke off: {done.ending}")
        row = course.stopping.estimate(done.state.path.rows)
        return np.vstack([state, np.asarray(row, float)]), f"replicate {len(state) + 1} of {self._replicates}"

    def steps(self, state: np.ndarray) -> int:
        return len(state)

    def ending(self, state: np.ndarray) -> Ending | None:
        return Ending(Outcome.REACHED) if len(state) >= self._replicates else None

    def pack(self, state: np.ndarray) -> Any:
        return {"replicates": state}

    def unpack(self, arrays: Any) -> np.ndarray:
        return np.asarray(arrays["replicates"])
