r"""The last stage of a fit, if it is asked for: steps of a learned score from the answer.

At the parameters of the measured curves the mean score of simulated curves is that of the measured ones. From eta_0,
an answer whose error is of the order of its standard errors, one Newton step towards that is efficient [Le Cam 1956];
a second one, with simulations where the first has led, takes out what the mean of the score bends on the way:

    delta = (sum_l n_l G^T V^-1 G)^-1 sum_l n_l G^T V^-1 (mean_i u(x_i) - mean u(y)),

over labels l of n_l units, along the directions that these units fix to better than s; along the others the answer
stays. Steps are shortened until networks settle where they lead and the mean scores come closer. The score was
learned from parameters that scatter by s: a whole step that leads farther than `REACH` times that along a direction
is no estimate, and the answer is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.descents import AbstractDescent, Ending, Keeper, Observer, Outcome, end_of
from tuneful.fitting.places import LossDifference, losses_at
from tuneful.fitting.score_learning import LearnedScore, ScoreDescent, ScorePlan, ScoreState
from tuneful.fitting.uncertainty import HARDLY

if TYPE_CHECKING:
    from jax import Array
    from jaxtyping import Float

    from tuneful.fitting.problem import Problem

STEPS = 2
REACH = 2.0  # spreads from the answer along any direction: within them lie 95 % of what the score was learned from
SHORTENED = 6  # times at most


@dataclass(frozen=True, eq=False)
class OneStepState:
    """Where the stage stands: the score, points from the answer on, what was lost there, and mean scores of labels.

    `ended` says whether no further step could be taken, and `reach` how many spreads from the answer, along the
    direction where it is farthest, the last whole step leads.
    """

    score: ScoreState
    points: Float[np.ndarray, "points n"]
    lost: Float[np.ndarray, " points"]
    means: Float[np.ndarray, "labels n"]
    ended: bool = False
    reach: float = 0.0


@dataclass(frozen=True, eq=False)
class Stepped:
    """Where the steps of a score led, of n unconstrained parameters.

    score
        Around the answer of the fit, the first of `points`.
    points
        One a step.
    directions
        How many of the n the units fix to better than the spread of the score: along these steps were taken.
    distances
        n d^T V^-1 d with d the difference of mean scores between data and circuit, at every point: chi-square
        distributed at the truth, on as many directions as parameters.
    lost
        Fraction of realisations that do not settle, or saturate, at every point.
    loss
        That at the last point minus that at the answer, of the same random numbers.
    reach
        How many spreads of the score from the answer the last whole step leads, along the direction where it is
        farthest.
    """

    score: LearnedScore
    points: Float[np.ndarray, "points n"]
    directions: int
    distances: tuple[float, ...]
    lost: Float[np.ndarray, " points"]
    units: int
    loss: LossDifference
    reach: float

    @property
    def is_taken(self) -> bool:
        """Whether steps stay where the score was learned, and the loss is not the worse for them."""
        is_worse = self.loss.is_told_apart and self.loss.mean > 0
        return len(self.points) > 1 and not self.reach > REACH and not is_worse

    @property
    def point(self) -> Float[np.ndarray, " n"]:
        """The answer now."""
        return self.points[-1] if self.is_taken else self.points[0]

    @property
    def covariance(self) -> Float[np.ndarray, "n n"]:
        """Of the last point: the bound of the score; directions that it leaves open are known to one unit."""
        values, axes = np.linalg.eigh(self.score.sensitivity)
        return axes / (self.units * values + HARDLY**-2) @ axes.T

    @property
    def words(self) -> str:
        """What came of it, in a sentence."""
        n, lost = len(self.points[0]), max(self.score.lost, float(self.lost.max()))
        about = f"(of its simulations, up to {lost:.1%} did not settle and are left out)"
        if self.reach > REACH:
            return (
                f"The learned score leads {self.reach:.1f} times its spread of {self.score.plan.spread:g} away, and "
                f"was learned within {REACH:g} times that: this is no estimate, and the answer before is kept. Fit "
                f"longer, or ask for a larger score_spread {about}."
            )
        if len(self.points) == 1:
            return f"The learned score gave no step that brings its mean closer to that of the data {about}."
        apart = f"{self.loss.mean:+.3g} +- {self.loss.error:.2g}"
        told = f"{len(self.points) - 1} steps of the learned score along {self.directions} of {n} directions"
        if not self.is_taken:
            return f"{told} made the loss worse ({apart}), and the answer before them is kept {about}."
        before, after = self.distances
        chi = f"chi-square of mean scores on {n} directions from {before:.1f} to {after:.1f}"
        of = "How the fit ended is said of the answer before them."
        return f"{told} led to the answer: {chi}, loss {apart} {about}. {of}"

    def table(self, names: Sequence[str]) -> dict[str, Any]:
        """What came of it as plain numbers; `names` are those of the parameters, (n,)."""
        values, errors = self.score.eigenvalues
        return {
            "taken": self.is_taken, "words": self.words, "steps": len(self.points) - 1, "directions": self.directions,
            "reach": self.reach,
            "moved": dict(zip(names, (self.points[-1] - self.points[0]).tolist(), strict=True)),
            "chi_square": list(self.distances), "loss_difference": self.loss.mean,
            "loss_error": self.loss.error, "lost": [self.score.lost, *self.lost.tolist()],
            "explained": self.score.explained, "eigenvalues": values.tolist(), "eigenvalue_errors": errors.tolist(),
        }  # fmt: skip


@dataclass(frozen=True)
class NotLearned:
    """No score to take steps of, and why; the fit ends with its own answer."""

    why: str
    is_taken: ClassVar[bool] = False

    @property
    def words(self) -> str:
        """What came of it, in a sentence or two."""
        return f"No step of a learned score was taken, and the answer is that of the fit. {self.why}"

    def table(self, names: Sequence[str]) -> dict[str, Any]:
        """As that of `Stepped`, as far as there is anything to say."""
        del names
        return {"taken": False, "words": self.words, "steps": 0}


def one_step(
    problem: Problem,
    answer: dict[str, Array],
    plan: ScorePlan,
    key: Array,
    *,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> Stepped:
    """Learn a score around an answer and take its steps.

    Parameters
    ----------
    problem
        What was fitted.
    answer
        Unconstrained parameters by name.
    plan
        How the score is learned.
    key
        Decides all random numbers.
    keeper, observers
        See `tuneful.descents.descend`.

    Raises
    ------
    UserError
        Where too few realisations settle to learn from.
    KeyboardInterrupt
        If an observer asked to stop.
    """
    for_score, for_loss = jax.random.split(key)
    descent = OneStepDescent(problem, answer, plan, for_score)
    return descent.found(end_of(descent, keeper=keeper, observers=observers), for_loss)


@final
class OneStepDescent(AbstractDescent[OneStepState, str]):
    """The learning of a score around a point, then the steps from there; arguments as of `ScoreDescent`."""

    def __init__(self, problem: Problem, centre: dict[str, Array], plan: ScorePlan, key: Array):
        self._problem, self._learning = problem, ScoreDescent(problem, centre, plan, key)
        self._known: tuple[LearnedScore, Float[np.ndarray, "labels n"]] | None = None

    def init(self) -> OneStepState:
        point = self._learning.point
        means = np.zeros((len(self._problem.data.parts), len(point)))
        return OneStepState(self._learning.init(), point[None], np.zeros(1), means)

    def step(self, state: OneStepState) -> tuple[OneStepState, str]:
        """Learn, then step; a step that leads too far, or that cannot be taken at any length, is the last."""
        if self._learning.ending(state.score) is None:
            learned, said = self._learning.step(state.score)
            return replace(state, score=learned), said
        if not state.means.any():
            score, _ = self._learned(state)
            there = np.array([state.score.there.lost])
            state = replace(state, means=np.stack([m.mean for m in score.moments]), lost=there)
        whole = self.newton_step(state)
        state = replace(state, reach=self._reach(state, whole))
        if state.reach > REACH:
            return replace(state, ended=True), f"{state.reach:.1f} spreads of the score away: no estimate"
        for shorter in range(SHORTENED if whole.any() else 0):
            point = state.points[-1] + whole / 2**shorter
            means, lost = self._means_at(state, point)
            if lost <= self._problem.steps.max_lost and self._distance(state, means) < self._distance(state):
                points, lost = np.vstack([state.points, point]), np.append(state.lost, lost)
                return replace(state, points=points, lost=lost, means=means), f"step of the score, {len(points) - 1}"
        return replace(state, ended=True), "no step of the score"

    def steps(self, state: OneStepState) -> int:
        return self._learning.steps(state.score) + len(state.points) - 1 + state.ended

    def ending(self, state: OneStepState) -> Ending | None:
        """Two steps, or none that could be taken."""
        if len(state.points) <= STEPS and not state.ended:
            return None
        return Ending(Outcome.REACHED, f"{len(state.points) - 1} steps of the score")

    def pack(self, state: OneStepState) -> Any:
        numbers = np.array([state.ended, state.reach])
        return self._learning.pack(state.score), (state.points, state.lost, state.means, numbers)

    def unpack(self, arrays: Any) -> OneStepState:
        score, (points, lost, means, (ended, reach)) = arrays
        points, lost, means = map(np.asarray, (points, lost, means))
        return OneStepState(self._learning.unpack(score), points, lost, means, bool(ended), float(reach))

    def newton_step(self, state: OneStepState) -> Float[np.ndarray, " n"]:
        """The next step, whole."""
        score, measured = self._learned(state)
        apart = measured - state.means
        slope = sum(n * m.gain.T @ m.precision @ d for n, m, d in zip(self._units, score.moments, apart, strict=True))
        values, axes = self._resolved(score)
        return axes @ (axes.T @ slope / values)

    def found(self, state: OneStepState, key: Array) -> Stepped:
        """What came of it, and what the loss says."""
        score, _ = self._learned(state)
        first = np.stack([moments.mean for moments in score.moments])
        distances = self._distance(state, first), self._distance(state)
        last, answer = (self._learning.at(state.points[i]) for i in (-1, 0))
        apart = losses_at(self._problem, [last, answer], key).difference(0, 1)
        directions = len(self._resolved(score)[0])
        return Stepped(score, state.points, directions, distances, state.lost, sum(self._units), apart, state.reach)

    @property
    def _units(self) -> list[int]:
        """How many of each label are fitted."""
        weights = self._problem.data.weights or (1.0,)
        return [
            len(part.rates) * (weight > 0) for part, weight in zip(self._problem.data.parts, weights, strict=True)
        ]

    def _learned(self, state: OneStepState) -> tuple[LearnedScore, np.ndarray]:
        """The score, and the mean scores of the measured units of each label."""
        if self._known is None:
            score, parts = self._learning.score(state.score), self._problem.data.parts
            each = [score.of_curves(p.rates, jnp.arange(len(p.rates)), i) for i, p in enumerate(parts)]
            means = [np.asarray(part.mean(jnp.asarray(u)), float) for part, u in zip(parts, each, strict=True)]
            self._known = score, np.stack(means)
        return self._known

    def _resolved(self, score: LearnedScore) -> tuple[np.ndarray, np.ndarray]:
        """Information of all units along the directions that they fix to better than the spread, and these."""
        whole = np.sum([n * m.sensitivity for n, m in zip(self._units, score.moments, strict=True)], axis=0)
        values, axes = np.linalg.eigh(whole)
        known = values > score.plan.spread**-2
        return values[known], axes[:, known]

    def _reach(self, state: OneStepState, step: np.ndarray) -> float:
        """How many spreads from the answer a step from the last point leads, where it is farthest."""
        score, _ = self._learned(state)
        along = self._resolved(score)[1].T @ (state.points[-1] + step - state.points[0])
        return float(np.abs(along).max(initial=0.0) / score.plan.spread)

    def _distance(self, state: OneStepState, means: np.ndarray | None = None) -> float:
        """How far mean scores of the circuit, by default those of the last point, are from the measured ones."""
        score, measured = self._learned(state)
        apart = measured - (state.means if means is None else means)
        parts = zip(self._units, score.moments, apart, strict=True)
        return float(sum(n * d @ moments.precision @ d for n, moments, d in parts))

    def _means_at(self, state: OneStepState, point: np.ndarray) -> tuple[np.ndarray, float]:
        """Mean scores of each label at a point, from the random numbers of the answer, and how many are lost."""
        score, _ = self._learned(state)
        drawn = self._learning.drawn_at(point)
        if not drawn.usable.any():
            return state.means, 1.0
        return np.stack([self._learning.mean_of(score, drawn, i) for i in range(len(score.moments))]), drawn.lost
