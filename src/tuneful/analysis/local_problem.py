"""The problem of a fit around its answer: one sample of realisations, with the same random numbers everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tuneful.analysis.coordinates import Coordinates
from tuneful.fitting.linearised import Linearised, generated_at, linearise, linearise_by_unit
from tuneful.fitting.problem import Problem, StepRecord
from tuneful.objectives.base import sharpest

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.circuits import AbstractCircuit


@dataclass(frozen=True, eq=False)
class LocalProblem:
    """What is asked about the loss around an answer, of n unconstrained parameters in a row.

    problem
        What is solved.
    coordinates
        Its parameters around the answer.
    objective
        State of the objective, as sharp as it gets; it stays.
    key
        Decides the realisations, which are the same at every point.
    curves
        In the sample, at least.
    """

    problem: Problem
    coordinates: Coordinates
    objective: Any
    key: Array
    curves: int

    @classmethod
    def of(cls, problem: Problem, answer: AbstractCircuit, key: Array, curves: int) -> Self:
        """The problem around a fitted circuit, of an objective that does not learn on the way."""
        coordinates = Coordinates(answer, problem.fitted)
        at = coordinates.named(coordinates.answer)
        seen = cache(lambda: generated_at(problem, at, key, curves))
        objective = sharpest(problem.distance, problem.distance.init(key, problem.data), seen, problem.data)
        return cls(problem, coordinates, objective, key, curves)

    def look(self, point: np.ndarray, unit_weights: np.ndarray | None = None) -> tuple[Linearised, StepRecord]:
        """Linearise the loss at a point, with the tangents of all curves; units may be weighted."""
        problem = self.problem
        if unit_weights is not None:
            problem = replace(problem, data=problem.data.reweighted(unit_weights))
        return linearise(problem, self.coordinates.named(point), self.objective, self.key, self.curves, share=1)

    def look_by_unit(self, point: np.ndarray) -> tuple[Linearised, Float[np.ndarray, "units n"], StepRecord]:
        """The same, and what every unit does to the gradient, see `linearise_by_unit`."""
        return linearise_by_unit(self.problem, self.coordinates.named(point), self.objective, self.key, self.curves)
