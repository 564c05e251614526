r"""Which of several places has the lower loss, and whether they are one place.

The same random numbers are drawn at all of them, so that what they have in common is no part of a difference, and
draws are doubled until every place is told apart from the lowest one, or until there are `MOST`. Told apart is a
difference of `TOLD_APART` standard errors: of equal losses, looked at after 8, 16, 32 and 64 draws, 3 % are by
chance.

Whether other units would say the same is another question. With s_i the derivative of a difference in the weight of
unit i, its standard error between sets of n units is (n / (n - 1) sum_i s_i^2)^(1/2).
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
from tuneful.fitting.linearised import generated_and_cost, linearise_by_unit
from tuneful.fitting.uncertainty import sandwich
from tuneful.fitting.unconstrained import parameter_names
from tuneful.numbers import count
from tuneful.objectives import EnergyDistance
from tuneful.objectives.base import Generated, sharpest

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.fitting.problem import Problem

DRAWS, MOST = 8, 64  # of curves, at first and in the end
CURVES = 1000  # in each
TOLD_APART = 3.0  # standard errors of a difference
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
    """The loss at several places, of the same random numbers.

    by_draw
        Loss and penalty.
    by_unit
        Its derivative in the weight of each measured unit.
    curves
        In a draw.
    """

    by_draw: Float[np.ndarray, "draws places"]
    by_unit: Float[np.ndarray, "units places"]
    curves: int

    @property
    def lowest(self) -> int:
        """The place of lowest mean loss."""
        return int(np.argmin(self.by_draw.mean(axis=0)))

    @property
    def is_decided(self) -> bool:
        """Whether each place is told apart from the lowest one, or has the same curves as it."""
        others = (self.difference(i, self.lowest) for i in range(self.by_draw.shape[1]))
        return all(one.is_told_apart or one.error == 0 for one in others)

    def difference(self, one: int, other: int) -> LossDifference:
        """The loss at one place minus that at another."""
        apart, by_unit = (a[:, one] - a[:, other] for a in (self.by_draw, self.by_unit))
        draws, n = len(apart), len(by_unit)
        error, of_units = apart.std(ddof=1) / np.sqrt(draws), np.sqrt(n / (n - 1) * np.sum(by_unit**2))
        return LossDifference(float(apart.mean()), float(error), float(of_units), draws * self.curves)


def losses_at(
    problem: Problem, places: list[dict[str, Array]], key: Array, curves: int = CURVES, most: int = MOST
) -> Losses:
    """Compute the loss at several places from draws whose number grows until they are told apart.

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
    curves
        In a draw.
    most
        Draws.

    Raises
    ------
    UserError
        Where too many realisations do not settle.
    """
    problem = with_loss(problem)
    for_weights, for_draws = (jax.random.fold_in(key, stream) for stream in (WEIGHTS, DRAWN))
    state = _sharpened_at(problem, places, for_weights, curves)
    by_draw, by_unit = [], np.zeros((len(problem.data.rates), len(places)))
    while True:
        for draw in range(len(by_draw), min(most, max(DRAWS, 2 * len(by_draw)))):
            own = jax.random.fold_in(for_draws, draw)
            looks = [_look(problem, state, place, own, curves) for place in places]
            by_draw.append([loss for loss, _ in looks])
            by_unit += np.stack([scores for _, scores in looks], axis=-1)
        found = Losses(np.array(by_draw), by_unit / len(by_draw), curves)
        if found.is_decided or len(by_draw) >= most:
            return found


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
        curves = len(self.losses.by_draw) * self.losses.curves
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
        drawn = [generated_and_cost(problem, place, key, curves)[0] for place in places]
        rates, weight = (jnp.concatenate([getattr(d, name) for d in drawn]) for name in ("rates", "weight"))
        return replace(drawn[0], rates=rates, weight=weight)

    return sharpest(problem.distance, problem.distance.init(key, problem.data), pooled, problem.data)


def _look(
    problem: Problem, state: Any, place: dict[str, Array], key: Array, curves: int
) -> tuple[float, Float[np.ndarray, " units"]]:
    """Loss and penalty of a draw, and the derivative in the weights of the units."""
    generated, cost = generated_and_cost(problem, place, key, curves)
    lost = 1 - float(generated.realisation_weight.mean())
    if lost > problem.steps.max_lost:
        raise UserError(f"{lost:.0%} of the realisations do not settle at one of the places: there is no loss there.")
    loss, scores = _loss_by_unit(problem, generated, state, key)
    return float(loss) + cost, np.asarray(scores, float)


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
