r"""The descent of the smoothed spectral abscissa of a nonlinear network at its steady states.

The inhibitory weights descend the smoothed spectral abscissa s of the Jacobian at the steady state,

    F(W) = mean over conditions of [s(J) - target]_+,   J = T^-1 (diag(f') W - 1),   r = f(W r + I),

whose gradient has the movement of the steady state in it. Steps are those of the spectral projected gradient [Birgin,
Martínez & Raydan 2000]: along the gradient, cut off at zero (Dale's law), as long as the last change of the gradient
says, and halved until F is below the largest of its last values. The steady state is followed from step to step by
Newton's method.

A network that does not settle has no state to begin with. Then the descent begins at weaker excitation: excitatory
weights are halved until the network settles from rest, inhibition learns until the target is reached there,
excitation grows as far as the network still settles, and so on until it has its full strength. The network settles
from rest where every one of these stages begins, and again at the end: where it does not, or where excitation cannot
grow, the descent goes on to a lower abscissa.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Self, final

import numpy as np
from jaxtyping import Bool, Float

from tuneful.descents import AbstractDescent, Ended, Ending, Outcome, Path
from tuneful.networks.random_weights import RandomNetwork
from tuneful.networks.rate_network import RateNetwork


@dataclass(frozen=True)
class OperatingSettings:
    """How steps are chosen; the defaults served every network that was tried.

    longest_step
        Of the norm of the inhibitory weights: further away another steady state may be found.
    memory
        Number of values of F that a step may not exceed all of.
    armijo
        Share of the decrease that the gradient promises, which a step must keep.
    halvings
        Of a step, of eps, and of the strength of excitation, at most.
    weakest_growth
        Relative growth of excitation below which it cannot grow.
    deeper, deepest
        How much lower the target is set where a network at it does not settle from rest, each time and in all.
    same_state
        Relative to 1 Hz + the largest rate: two ways to one steady state differ by less.
    """

    longest_step: float = 0.05
    memory: int = 5
    armijo: float = 1e-4
    halvings: int = 12
    weakest_growth: float = 1e-3
    deeper: float = 1.25
    deepest: float = 3.0
    same_state: float = 1e-6


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """A network on the way, and its steady states.

    weights
        W.
    strength
        Of excitation, relative to the network that was given.
    rates
        The steady state in every condition, Hz.
    eps
        1/ms, of all cells together.
    excess, gradient
        F, 1/ms, and its derivative in the weights, zero where nothing may change.
    abscissa
        The largest of all conditions, 1/ms.
    length
        Of the next step along the gradient, if one was taken before.
    recent
        The last values of F.
    """

    weights: Float[np.ndarray, "n n"]
    strength: float
    rates: Float[np.ndarray, "conditions n"]
    eps: float
    excess: float
    gradient: Float[np.ndarray, "n n"]
    abscissa: float
    length: float | None = None
    recent: tuple[float, ...] = ()

    @property
    def merit(self) -> tuple[float, float]:
        """What makes a network better than another."""
        return self.strength, -self.abscissa

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Everything as plain arrays; see `from_arrays`."""
        arrays = {f.name: np.asarray(getattr(self, f.name), np.float64) for f in fields(self)}
        return arrays | {"length": np.asarray(np.nan if self.length is None else self.length)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Rebuild a point from `to_arrays`, bit for bit."""
        of = {f.name: np.asarray(arrays[f.name]) for f in fields(cls)}
        plain: dict[str, Any] = {name: array if array.ndim else float(array) for name, array in of.items()}
        length = None if np.isnan(plain["length"]) else plain["length"]
        return cls(**plain | {"length": length, "recent": tuple(of["recent"].tolist())})


@dataclass(frozen=True, eq=False)
class OperatingProblem:
    """What is fixed during the descent, and the ways from one network to the next."""

    start: RandomNetwork
    network: RateNetwork
    places: Bool[np.ndarray, "n n"]  # the weights that learn
    target: float  # 1/ms
    eps: float  # 1/ms, where the descent begins
    settings: OperatingSettings

    def begin(self) -> OperatingPoint:
        """The network, with its excitation halved until it settles from rest.

        Where it never does there are no rates, and where eps is too small there is no gradient: both are NaN then.
        """
        for strength in (*0.5 ** np.arange(self.settings.halvings), 0.0):
            weights = self._with_excitation(self.start.weights, float(strength))
            rates = self.network.from_rest(weights)
            if rates is not None:
                try:
                    return self.at(weights, float(strength), rates, self.eps)
                except ArithmeticError:
                    return self._without_gradient(rates)
        return self._without_gradient(np.full(self.network.external.shape, np.nan))

    def _without_gradient(self, rates: np.ndarray) -> OperatingPoint:
        weights = self.start.weights
        return OperatingPoint(weights, 1.0, rates, self.eps, np.nan, np.full(weights.shape, np.nan), np.nan)

    def at(self, weights: np.ndarray, strength: float, rates: np.ndarray, eps: float) -> OperatingPoint:
        """Evaluate F and its gradient at a steady state."""
        excess, gradient, abscissae = self.network.smoothed(weights, rates, eps, self.target)
        masked = np.where(self.places, gradient, 0)
        return OperatingPoint(weights, strength, rates, eps, excess, masked, float(abscissae.max()))

    def grown(self, now: OperatingPoint) -> OperatingPoint | None:
        """Excitation as much stronger as the network still settles from rest, twice as strong at most."""
        growth = 1.0
        while growth >= self.settings.weakest_growth:
            strength = min(1.0, now.strength * (1 + growth) if now.strength else growth * 0.5**self.settings.halvings)
            weights = self._with_excitation(now.weights, strength)
            rates = self.network.from_rest(weights)
            if rates is not None:
                return self.at(weights, strength, rates, self.eps)
            growth /= 2
        return None

    def stepped(self, now: OperatingPoint) -> OperatingPoint | None:
        """A step along the projected gradient; None if none is found that lowers F."""
        settings, size = self.settings, float(np.abs(now.weights[self.places]).max(initial=0.0)) or 1.0
        length = size / np.abs(now.gradient).max() if now.length is None else now.length
        direction = self._projected(now.weights - length * now.gradient) - now.weights
        largest = settings.longest_step * np.linalg.norm(now.weights[self.places]) or settings.longest_step * size
        direction *= min(1.0, largest / max(float(np.linalg.norm(direction)), np.finfo(float).tiny))
        slope = float(np.vdot(now.gradient, direction))
        bound = max((*now.recent, now.excess))
        for share in 0.5 ** np.arange(settings.halvings):
            weights = now.weights + share * direction
            rates = self.network.follow(weights, now.rates)
            if rates is not None:
                after = self.at(weights, now.strength, rates, now.eps)
                if slope < 0 and after.excess <= bound + settings.armijo * share * slope:
                    return _with_memory(now, after, settings.memory)
        return None

    def lowered(self, now: OperatingPoint) -> OperatingPoint | None:
        """A step; where none helps, a closer look at the spectrum, until eps is as small as it may be."""
        after = self.stepped(now) if now.gradient.any() else None
        if after is None and now.eps / 2 >= self.eps * 0.5**self.settings.halvings:
            return self.at(now.weights, now.strength, now.rates, now.eps / 2)
        return after

    def beyond(self, now: OperatingPoint) -> OperatingPoint | None:
        """What follows a network that is at the target: a stronger one, or at full strength that from rest.

        It is the same object if the dynamics reach its steady state from rest, and None if they settle nowhere.
        """
        if now.strength < 1:
            return self.grown(now)
        rates = self.network.from_rest(now.weights)
        if rates is None:
            return None
        is_same = np.abs(rates - now.rates).max() <= self.settings.same_state * (1 + rates.max())
        return now if is_same else self.at(now.weights, now.strength, rates, now.eps)

    def again(self, now: OperatingPoint) -> OperatingPoint:
        """The same network, F evaluated with this target."""
        return self.at(now.weights, now.strength, now.rates, now.eps)

    def _projected(self, weights: np.ndarray) -> np.ndarray:
        """Dale's law: inhibition does not become excitation."""
        return np.where(self.places, np.minimum(weights, 0), weights)

    def _with_excitation(self, weights: np.ndarray, strength: float) -> np.ndarray:
        columns = self.start.excitatory
        return np.where(columns, strength * self.start.weights, weights)


def _with_memory(before: OperatingPoint, after: OperatingPoint, memory: int) -> OperatingPoint:
    """The length of the next step by Barzilai & Borwein: <dW, dW> / <dW, dG>, the inverse of the mean curvature."""
    moved, turned = after.weights - before.weights, after.gradient - before.gradient
    curvature = float(np.vdot(moved, turned))
    squared = float(np.vdot(moved, moved))
    length = (
        squared / curvature if curvature > 0 else 10 * np.sqrt(squared) / max(np.linalg.norm(before.gradient), 1e-300)
    )
    return replace(after, length=float(length), recent=(*before.recent, before.excess)[-memory:])


@dataclass(frozen=True, eq=False)
class OperatingState:
    """Where a descent stands: all that is needed to go on with the same bits.

    now, best
        The network now, and the best so far.
    target
        The target now, 1/ms: lower than that asked for where a network at it did not settle from rest.
    abscissae, strengths
        The largest abscissa, and the strength of excitation, after 0, 1, ... steps.
    """

    now: OperatingPoint
    best: OperatingPoint
    target: float
    abscissae: Path
    strengths: Path

    @classmethod
    def start(cls, point: OperatingPoint, target: float) -> Self:
        """The state before the first step."""
        return cls(point, point, target, Path.of(np.array([point.abscissa])), Path.of(np.array([point.strength])))

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.abscissae) - 1

    @property
    def abscissa(self) -> float:
        """The largest abscissa now, 1/ms; NaN if there is nothing to begin with."""
        return self.now.abscissa

    def after(self, point: OperatingPoint, target: float) -> Self:
        """The state one step later."""
        best = point if point.merit >= self.best.merit else self.best
        abscissae, strengths = self.abscissae.added(point.abscissa), self.strengths.added(point.strength)
        return replace(self, now=point, best=best, target=target, abscissae=abscissae, strengths=strengths)


class OperatingRecord(NamedTuple):
    """What is worth knowing about a step: the largest abscissa and the strength of excitation that it led to."""

    abscissa: float
    strength: float


@final
@dataclass(frozen=True, eq=False)
class OperatingPointDescent(AbstractDescent[OperatingState, OperatingRecord]):
    """The descent of a problem, of `max_steps` steps at most, those in which excitation grows included."""

    problem: OperatingProblem
    max_steps: int

    def init(self) -> OperatingState:
        return OperatingState.start(self.problem.begin(), self.problem.target)

    def step(self, state: OperatingState) -> tuple[OperatingState, OperatingRecord]:
        try:
            after = self._after(state)
        except ArithmeticError as error:
            raise Ended(Outcome.NO_GRADIENT) from error
        return after, OperatingRecord(after.now.abscissa, after.now.strength)

    def _after(self, state: OperatingState) -> OperatingState:
        """The next state; whether there is one is known only after the next network was looked for."""
        point, wanted, settings = state.now, self.problem.target, self.problem.settings
        problem = replace(self.problem, target=state.target)
        is_there = point.abscissa <= problem.target
        following = problem.beyond(point) if is_there else problem.lowered(point)
        if following is point:
            raise Ended(Outcome.REACHED, state=replace(state, best=point))
        if state.steps >= self.max_steps:
            raise Ended(Outcome.MAX_STEPS)
        if following is None:
            if not is_there or problem.target < settings.deepest * wanted:
                is_lower = point.strength == 1 and problem.target < wanted
                raise Ended(Outcome.NOT_FROM_REST if is_lower else Outcome.STALLED)
            following, problem = point, replace(problem, target=settings.deeper * problem.target)
        elif following.strength > point.strength:
            problem = replace(problem, target=wanted)
        return state.after(problem.again(following) if is_there else following, problem.target)

    def steps(self, state: OperatingState) -> int:
        return state.steps

    def ending(self, state: OperatingState) -> Ending | None:
        if not np.isnan(state.abscissa):
            return None
        return Ending(Outcome.NO_STATE if np.isnan(state.now.rates).any() else Outcome.NO_GRADIENT)

    def pack(self, state: OperatingState) -> dict[str, Any]:
        return {
            "now": state.now.to_arrays(),
            "best": state.best.to_arrays(),
            "target": np.asarray(state.target, np.float64),
            "abscissae": state.abscissae.rows,
            "strengths": state.strengths.rows,
        }

    def unpack(self, arrays: Mapping[str, Any]) -> OperatingState:
        now, best = (OperatingPoint.from_arrays(arrays[name]) for name in ("now", "best"))
        shape, own = now.rates.shape, self.problem.network.external.shape
        if shape != own:
            raise ValueError(f"state is of {shape[0]} conditions and {shape[1]} cells, not {own[0]} and {own[1]}.")
        abscissae, strengths = (Path.of(np.asarray(arrays[name])) for name in ("abscissae", "strengths"))
        return OperatingState(now, best, float(arrays["target"]), abscissae, strengths)
