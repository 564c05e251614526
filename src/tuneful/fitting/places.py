r"""Which of several places has the lower loss, and whether they are one place.

Several samples are drawn, of the same random numbers at all places, so that what these have in common is no part of
a difference; its standard error is that between samples. They are doubled until every place is told apart from the
lowest one, or up to a limit: not their number, as what sampling adds to a squared distance falls with the size of a
sample, and not with its root. Told apart is a difference of `TOLD_APART` standard errors.

Whether other units would say the same is another question. With s_i the derivative of a difference in the weight of
unit i, its variance between sets of n units is n / (n - 1) sum_i s_i^2: of products between samples, each of which
has its own errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from tuneful.errors import UserError
from tuneful.fitting.linearised import generated_and_cost, generated_at, linearise_by_unit
from tuneful.fitting.uncertainty import sandwich
from tuneful.fitting.unconstrained import parameter_names
from tuneful.numbers import count
from tuneful.objectives import EnergyDistance
from tuneful.objectives.base import Generated, sharpest

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.fitting.problem import Problem

SAMPLES = 8
CURVES, MOST = 1000, 4000  # in each, at first and in the end
TOLD_APART = 3.0  # standard errors of a difference; of equal losses one in twenty is, at one of three sizes
SAME = 2.0  # standard errors of a parameter within which it is the same
WEIGHTS, DRAWN, AROUND = range(3)  # streams of random numbers


@dataclass(frozen=True)
class LossDifference:
    """The loss at one place minus that at another.

    mean, error
        With the standard error of the simulation.
    of_units
        The standard error between sets of as many measured units.
    curves
        From how many at each place it is known.
    """

    mean: float
    error: float
    of_units: float
    curves: int

    @property
    def is_told_apart(self) -> bool:
        """Whether the simulation tells which is lower for these units."""
        return abs(self.mean) > TOLD_APART * self.error

    @property
    def is_of_any_units(self) -> bool:
        """Whether it is as far from zero for other units as well."""
        return abs(self.mean) > TOLD_APART * float(np.hypot(self.error, self.of_units))

    @property
    def words(self) -> str:
        """What it allows to say of the first place.

        >>> LossDifference(0.0061, 0.0012, 0.0031, 16000).words
        'higher by 0.0061 ± 0.0012 (other units: ± 0.0031)'
        >>> LossDifference(-0.0004, 0.0012, 0.0031, 64000).words
        'not told apart by 64,000 curves (-0.0004 ± 0.0012; other units: ± 0.0031)'
        """
        digits = int(np.clip(1 - np.floor(np.log10(self.error)), 0, 6)) if self.error > 0 else 4
        error, of_units = (f"{e:.{digits}f}" for e in (self.error, self.of_units))
        if self.is_told_apart:
            way = "higher" if self.mean > 0 else "lower"
            return f"{way} by {abs(self.mean):.{digits}f} ± {error} (other units: ± {of_units})"
        apart = f"{self.mean:+.{digits}f} ± {error}; other units: ± {of_units}"
        return f"not told apart by {count(self.curves, 'curve')} ({apart})"


@dataclass(frozen=True, eq=False)
class Losses:
    """The loss at several places, from samples of the same random numbers.

    by_sample
        Loss and penalty.
    by_unit
        Its derivative in the weight of each measured unit.
    curves
        In a sample.
    """

    by_sample: Float[np.ndarray, "samples places"]
    by_unit: Float[np.ndarray, "samples places units"]
    curves: int

    @property
    def lowest(self) -> int:
        """The place of lowest mean loss."""
        return int(np.argmin(self.by_sample.mean(axis=0)))

    @property
    def is_decided(self) -> bool:
        """Whether each place is told apart from the lowest one, or has the same curves as it."""
        others = (self.difference(i, self.lowest) for i in range(self.by_sample.shape[1]))
        return all(one.is_told_apart or one.error == 0 for one in others)

    def difference(self, one: int, other: int) -> LossDifference:
        """The loss at one place minus that at another."""
        apart, by_unit = (a[:, one] - a[:, other] for a in (self.by_sample, self.by_unit))
        samples, n = by_unit.shape
        error = apart.std(ddof=1) / np.sqrt(samples)
        # Of different samples only: the square of one would count what its curves happen to be.
        squares = (np.sum(by_unit.sum(axis=0) ** 2) - np.sum(by_unit**2)) / (samples * (samples - 1))
        of_units = np.sqrt(n / (n - 1) * max(squares, 0.0))
        return LossDifference(float(apart.mean()), float(error), float(of_units), samples * self.curves)


def losses_at(
    problem: Problem, places: list[dict[str, Array]], key: Array, curves: int = CURVES, most: int = MOST
) -> Losses:
    """Compute the loss at several places from samples that grow until they are told apart.

    The loss is that of the problem, penalties included, as sharp as it gets at these places; where the objective
    learns on the way, and has none, the energy distance.

    Parameters
    ----------
    problem
        What was fitted.
    places
        Unconstrained parameters by name, two or more.
    key
        Decides all random numbers.
    curves, most
        In each of `SAMPLES` samples, at first and in the end.

    Raises
    ------
    UserError
        Where too many realisations do not settle.
    """
    problem = with_loss(problem)
    for_weights, for_samples = (jax.random.fold_in(key, stream) for stream in (WEIGHTS, DRAWN))
    state = _sharpened_at(problem, places, for_weights, curves)
    keys = [jax.random.fold_in(for_samples, sample) for sample in range(SAMPLES)]
    samples = [[_Sample.drawn(problem, place, own, curves) for place in places] for own in keys]
    while True:
        looks = [
            [_look(problem, state, sample, own) for sample in row] for own, row in zip(keys, samples, strict=True)
        ]
        by_sample, by_unit = (np.array([[look[i] for look in row] for row in looks]) for i in range(2))
        found = Losses(by_sample, by_unit, curves)
        if found.is_decided or curves >= most:
            return found
        samples = [
            [sample.doubled(problem, place, own) for sample, place in zip(row, places, strict=True)]
            for own, row in zip(keys, samples, strict=True)
        ]
        curves *= 2


@dataclass(frozen=True, eq=False)
class Places:
    """Several answers to the same question, and what the loss says of them.

    names
        Of the places.
    parameters
        Names of the n unconstrained parameters.
    points
        These.
    errors
        Their standard errors at the lowest place, from the numbers of measured and of generated curves.
    losses
        At the places.
    """

    names: tuple[str, ...]
    parameters: tuple[str, ...]
    points: Float[np.ndarray, "places n"]
    errors: Float[np.ndarray, " n"]
    losses: Losses

    @property
    def lowest(self) -> int:
        """The place of lowest loss."""
        return self.losses.lowest

    def apart(self, place: int) -> Float[np.ndarray, " n"]:
        """Differences of the parameters from those of the lowest place, in standard errors."""
        return (self.points[place] - self.points[self.lowest]) / self.errors

    def is_same(self, place: int) -> bool:
        """Whether no parameter differs from that of the lowest place by more than the data and samples leave open."""
        return bool(np.abs(self.apart(place)).max() <= SAME)

    @property
    def words(self) -> str:
        """Which is the lowest, and what the others are beside it, in a sentence."""
        others = [self._of_other(i) for i in range(len(self.names)) if i != self.lowest]
        return f"{self.names[self.lowest]} has the lowest loss; {'; '.join(others)}."

    def table(self) -> dict[str, Any]:
        """All of it as plain numbers."""
        rows = {}
        for i, name in enumerate(self.names):
            apart, about = self.losses.difference(i, self.lowest), self.apart(i)
            rows[name] = {
                "above_lowest": apart.mean, "error": apart.error, "error_of_units": apart.of_units,
                "told_apart": apart.is_told_apart, "of_any_units": apart.is_of_any_units,
                "same_place": self.is_same(i), "standard_errors": dict(zip(self.parameters, about, strict=True)),
            }  # fmt: skip
        curves = len(self.losses.by_sample) * self.losses.curves
        return {"lowest": self.names[self.lowest], "curves": curves, "places": rows, "words": self.words}

    def _of_other(self, place: int) -> str:
        apart, farthest = self.apart(place), int(np.argmax(np.abs(self.apart(place))))
        kind = "the same place" if self.is_same(place) else "another place"
        where = f"{kind} ({self.parameters[farthest]} differs most, by {abs(apart[farthest]):.1f} standard errors)"
        return f"{self.names[place]} is {self.losses.difference(place, self.lowest).words}, {where}"


def compare_places(
    problem: Problem, places: Mapping[str, dict[str, Array]], key: Array, curves: int = CURVES, most: int = MOST
) -> Places:
    """Say which of several answers to the same data, by the same objective, has the lowest loss, and which are one.

    Parameters
    ----------
    problem
        What was fitted.
    places
        Unconstrained parameters by name, of every answer by its own name.
    key, curves, most
        See `losses_at`.

    Raises
    ------
    UserError
        For a single place, and where too many realisations do not settle.
    """
    if len(places) < 2:
        raise UserError("There is a single answer, and nothing to compare it with: name two or more.")
    names, points = tuple(places), list(places.values())
    losses = losses_at(problem, points, key, curves, most)
    rows = np.stack([np.asarray(ravel_pytree(point)[0], float) for point in points])
    errors = _standard_errors(with_loss(problem), points[losses.lowest], jax.random.fold_in(key, AROUND), curves)
    return Places(names, tuple(parameter_names(points[0])), rows, errors, losses)


def with_loss(problem: Problem) -> Problem:
    """The same problem; by the energy distance if its objective learns on the way, and has no loss of its own."""
    if not problem.objective.learns:
        return problem
    return replace(problem, objective=EnergyDistance(log_above=getattr(problem.objective, "log_above", None)))


def _sharpened_at(problem: Problem, places: list[dict[str, Array]], key: Array, curves: int) -> Any:
    """The state of the objective for curves of all places together, so that their order does not count."""

    @cache
    def pooled() -> Generated:
        return _pooled([generated_at(problem, place, key, curves) for place in places])

    return sharpest(problem.distance, problem.distance.init(key, problem.data), pooled, problem.data)


@dataclass(frozen=True, eq=False)
class _Sample:
    """Curves at a place, and what penalties add to their loss."""

    generated: Generated
    cost: float

    @classmethod
    def drawn(cls, problem: Problem, place: dict[str, Array], key: Array, curves: int, first: int = 0) -> _Sample:
        """From a number of realisation on; a `UserError` where too few settle."""
        found = cls(*generated_and_cost(problem, place, key, curves, first))
        lost = 1 - float(found.generated.realisation_weight.mean())
        if lost > problem.steps.max_lost:
            raise UserError(
                f"{lost:.0%} of the realisations do not settle at one of the places: there is no loss there."
            )
        return found

    def doubled(self, problem: Problem, place: dict[str, Array], key: Array) -> _Sample:
        """With as many curves again."""
        first = len(self.generated.realisation_weight)
        more = _Sample.drawn(problem, place, key, first * self.generated.n_cells, first)
        return _Sample(_pooled([self.generated, more.generated]), (self.cost + more.cost) / 2)


def _pooled(parts: list[Generated]) -> Generated:
    """The curves of several samples as one."""
    rates, weight = (jnp.concatenate([getattr(part, name) for part in parts]) for name in ("rates", "weight"))
    return replace(parts[0], rates=rates, weight=weight)


def _look(problem: Problem, state: Any, sample: _Sample, key: Array) -> tuple[float, Float[np.ndarray, " units"]]:
    """Loss and penalty of a sample, and the derivative in the weights of the units."""
    loss, scores = _loss_by_unit(problem, sample.generated, state, key)
    return float(loss) + sample.cost, np.asarray(scores, float)


@eqx.filter_jit
def _loss_by_unit(problem: Problem, generated: Generated, state: Any, key: Array) -> tuple[Array, Array]:
    def loss(unit_weights: Array) -> Array:
        return problem.distance.loss(generated, state, problem.data.reweighted(unit_weights), key)

    return jax.value_and_grad(loss)(jnp.ones(len(problem.data.rates), generated.rates.dtype))


def _standard_errors(problem: Problem, place: dict[str, Array], key: Array, curves: int) -> Float[np.ndarray, " n"]:
    """Of the unconstrained parameters of an answer there, from measured units and a sample of so many curves."""
    state = _sharpened_at(problem, [place], key, curves)
    around, scores, _ = linearise_by_unit(problem, place, state, key, curves)
    curvature = around.sampling[0] if np.isfinite(around.sampling[0]).all() else around.metric
    n, scores = len(scores), scores - scores.mean(axis=0)
    covariance = sandwich(curvature, n / (n - 1) * scores.T @ scores + around.noise)
    return np.sqrt(np.maximum(np.diag(covariance), np.finfo(float).tiny))
