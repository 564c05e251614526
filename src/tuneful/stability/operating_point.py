r"""A nonlinear rate network whose inhibition learns to keep its operating point stable.

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

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tuneful.networks.random_weights import RandomNetwork, as_mask, user_network
from tuneful.stability.checks import Check
from tuneful.stability.operating_result import Reason, StabilizedOperatingPoint
from tuneful.stability.problem import as_time_constants, inhibitory_columns
from tuneful.stability.rate_network import Gain, RateNetwork

LONGEST_STEP = 0.05  # of the norm of the inhibitory weights: further away another steady state may be found
MEMORY = 5  # values of F that a step may not exceed all of
ARMIJO = 1e-4
HALVINGS = 12  # of a step, of eps, and of the strength of excitation
WEAKEST_GROWTH = 1e-3
DEEPER, DEEPEST = 1.25, 3.0  # how much lower the target is set where a network at it does not settle from rest
SAME_STATE = 1e-6  # Hz, relative to 1 + the largest rate: two ways to one steady state


def stabilize_operating_point(
    weights: np.ndarray,
    external: np.ndarray,
    gain: Gain,
    tau: np.ndarray | tuple[float, float],
    target: float,
    *,
    excitatory: np.ndarray | None = None,
    allowed: np.ndarray | None = None,
    eps: float | None = None,
    ceiling: float = np.inf,
    max_steps: int = 500,
    callback: Callable[[int, float], object] | None = None,
) -> StabilizedOperatingPoint:
    r"""Let inhibition learn until the steady states of T dr/dt = -r + f(W r + I) have a wanted spectral abscissa.

    Excitatory weights do not change. See the top of this file for the way.

    Parameters
    ----------
    weights
        W, (N, N), rows post-synaptic.
    external
        I, (N,) or (conditions, N): the abscissa is brought to the target in every condition.
    gain
        f, from input to rates in Hz, written in JAX, entry by entry, such as
        `functools.partial(tuneful.networks.supralinear.power_law, k=0.01, n=2.2)`, or `SSN.gain`.
    tau
        Time constants in ms: a pair (excitatory, inhibitory), or one a cell.
    target
        1/ms, negative: activity then returns to its steady state faster than exp(target t). Cells without input
        decay with 1/tau, so that it must be above -1/tau of the slowest of them.
    excitatory
        (N,), bool; by default read off the signs of the columns.
    allowed
        (N, N), bool: where inhibitory synapses may be. By default where they are: silent ones stay silent.
    eps
        1/ms; 1/eps is the energy of the response to an impulse, on average over cells, at the smoothed abscissa.
        Large values lead to circuits that also amplify little. Halved when the descent finds nothing more. 0.8 / the
        longest time constant by default.
    ceiling
        Hz; a network with a rate above it does not count as settled: for a saturating f.
    max_steps
        Stop after so many steps, those in which excitation grows included.
    callback
        Called with the number of steps and the largest abscissa. If it returns True the descent ends as
        "interrupted"; so it does on Ctrl-C.

    Returns
    -------
    StabilizedOperatingPoint
        Weights, rates, abscissae, reason for stopping, history, checks. If the target was not reached it holds the
        best network: that with the strongest excitation, and among those with the lowest abscissa.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite, violates Dale's law or has no cell of one type; if inputs, time
        constants, mask or settings have other shapes or are out of range.

    >>> from functools import partial
    >>> from tuneful.networks.supralinear import power_law
    >>> weights = np.array([[1.2, -0.5], [1.0, -0.2]])
    >>> gain = partial(power_law, k=0.04, n=2.0)
    >>> circuit = stabilize_operating_point(weights, np.array([10.0, 10.0]), gain, (20.0, 10.0), target=-0.03)
    >>> circuit.reason, circuit.abscissa <= -0.03, bool((circuit.weights[:, 0] == weights[:, 0]).all())
    ('reached', True, True)
    """
    start = user_network(weights, excitatory)
    network = _rate_network(start, external, gain, tau, ceiling)
    places = _places(start, allowed)
    _check_settings(target, network.tau, eps, max_steps, bool(np.diag(places).any()))
    eps = 0.8 / float(network.tau.max()) if eps is None else eps
    task = _Task(start, network, places, target, eps / len(start.weights))
    reason, path = _descend(task, max_steps, callback)
    return _result(task, path, reason)


@dataclass(frozen=True, eq=False)
class _Point:
    """A network on the way, and its steady state."""

    weights: np.ndarray
    strength: float  # of excitation
    rates: np.ndarray
    eps: float  # of all cells together
    excess: float
    gradient: np.ndarray  # zero where nothing may change
    abscissa: float  # the largest of all conditions
    length: float | None = None  # of the next step along the gradient, if one was taken before
    recent: tuple[float, ...] = ()  # the last values of F

    @property
    def merit(self) -> tuple[float, float]:
        """What makes a network better than another."""
        return self.strength, -self.abscissa


@dataclass(frozen=True, eq=False)
class _Task:
    """What is fixed during the descent."""

    start: RandomNetwork
    network: RateNetwork
    places: np.ndarray  # (N, N), bool: the weights that learn
    target: float
    eps: float

    def begin(self) -> _Point | None:
        """The network, with its excitation halved until it settles from rest."""
        for strength in (*0.5 ** np.arange(HALVINGS), 0.0):
            weights = self._with_excitation(self.start.weights, float(strength))
            rates = self.network.from_rest(weights)
            if rates is not None:
                return self.at(weights, float(strength), rates, self.eps)
        return None

    def at(self, weights: np.ndarray, strength: float, rates: np.ndarray, eps: float) -> _Point:
        """Evaluate F and its gradient at a steady state."""
        excess, gradient, abscissae = self.network.smoothed(weights, rates, eps, self.target)
        masked = np.where(self.places, gradient, 0)
        return _Point(weights, strength, rates, eps, excess, masked, float(abscissae.max()))

    def grown(self, now: _Point) -> _Point | None:
        """Excitation as much stronger as the network still settles from rest, twice as strong at most."""
        growth = 1.0
        while growth >= WEAKEST_GROWTH:
            strength = min(1.0, now.strength * (1 + growth) if now.strength else growth * 0.5**HALVINGS)
            weights = self._with_excitation(now.weights, strength)
            rates = self.network.from_rest(weights)
            if rates is not None:
                return self.at(weights, strength, rates, self.eps)
            growth /= 2
        return None

    def stepped(self, now: _Point) -> _Point | None:
        """A step along the projected gradient; None if none is found that lowers F."""
        size = float(np.abs(now.weights[self.places]).max(initial=0.0)) or 1.0
        length = size / np.abs(now.gradient).max() if now.length is None else now.length
        direction = self._projected(now.weights - length * now.gradient) - now.weights
        largest = LONGEST_STEP * np.linalg.norm(now.weights[self.places]) or LONGEST_STEP * size
        direction *= min(1.0, largest / max(float(np.linalg.norm(direction)), np.finfo(float).tiny))
        slope = float(np.vdot(now.gradient, direction))
        bound = max((*now.recent, now.excess))
        for share in 0.5 ** np.arange(HALVINGS):
            weights = now.weights + share * direction
            rates = self.network.follow(weights, now.rates)
            if rates is not None:
                after = self.at(weights, now.strength, rates, now.eps)
                if slope < 0 and after.excess <= bound + ARMIJO * share * slope:
                    return _with_memory(now, after)
        return None

    def lowered(self, now: _Point) -> _Point | None:
        """A step; where none helps, a closer look at the spectrum, until eps is as small as it may be."""
        after = self.stepped(now) if now.gradient.any() else None
        if after is None and now.eps / 2 >= self.eps * 0.5**HALVINGS:
            return self.at(now.weights, now.strength, now.rates, now.eps / 2)
        return after

    def beyond(self, now: _Point) -> _Point | None:
        """What follows a network that is at the target: a stronger one, or at full strength that from rest.

        It is the same object if the dynamics reach its steady state from rest, and None if they settle nowhere.
        """
        if now.strength < 1:
            return self.grown(now)
        rates = self.network.from_rest(now.weights)
        if rates is None:
            return None
        is_same = np.abs(rates - now.rates).max() <= SAME_STATE * (1 + rates.max())
        return now if is_same else self.at(now.weights, now.strength, rates, now.eps)

    def again(self, now: _Point) -> _Point:
        """The same network, F evaluated with this target."""
        return self.at(now.weights, now.strength, now.rates, now.eps)

    def _projected(self, weights: np.ndarray) -> np.ndarray:
        """Dale's law: inhibition does not become excitation."""
        return np.where(self.places, np.minimum(weights, 0), weights)

    def _with_excitation(self, weights: np.ndarray, strength: float) -> np.ndarray:
        columns = self.start.excitatory
        return np.where(columns, strength * self.start.weights, weights)


def _with_memory(before: _Point, after: _Point) -> _Point:
    """The length of the next step by Barzilai & Borwein: <dW, dW> / <dW, dG>, the inverse of the mean curvature."""
    moved, turned = after.weights - before.weights, after.gradient - before.gradient
    curvature = float(np.vdot(moved, turned))
    squared = float(np.vdot(moved, moved))
    length = (
        squared / curvature if curvature > 0 else 10 * np.sqrt(squared) / max(np.linalg.norm(before.gradient), 1e-300)
    )
    return replace(after, length=float(length), recent=(*before.recent, before.excess)[-MEMORY:])


@dataclass(eq=False)
class _Path:
    """What the descent has seen."""

    now: _Point | None = None
    best: _Point | None = None
    abscissae: tuple[float, ...] = ()
    strengths: tuple[float, ...] = ()

    def note(self, point: _Point) -> None:
        self.now = point
        self.abscissae += (point.abscissa,)
        self.strengths += (point.strength,)
        if self.best is None or point.merit >= self.best.merit:
            self.best = point

    @property
    def steps(self) -> int:
        return max(len(self.abscissae) - 1, 0)


def _descend(task: _Task, max_steps: int, callback: Callable[[int, float], object] | None) -> tuple[Reason, _Path]:
    """Step until there is a reason to stop."""
    path, wanted = _Path(), task.target
    try:
        point = task.begin()
        if point is None:
            return "no_state", path
        while True:
            path.note(point)
            if callback is not None and callback(path.steps, point.abscissa) is True:
                return "interrupted", path
            is_there = point.abscissa <= task.target
            following = task.beyond(point) if is_there else task.lowered(point)
            if following is point:
                path.best = point
                return "reached", path
            if path.steps >= max_steps:
                return "max_steps", path
            if following is None:
                if not is_there or task.target < DEEPEST * wanted:
                    return "not_from_rest" if point.strength == 1 and task.target < wanted else "stalled", path
                following, task = point, replace(task, target=DEEPER * task.target)
            elif following.strength > point.strength:
                task = replace(task, target=wanted)
            point = task.again(following) if is_there else following
    except ArithmeticError:
        return "no_gradient", path
    except KeyboardInterrupt:
        return "interrupted", path


def _result(task: _Task, path: _Path, reason: Reason) -> StabilizedOperatingPoint:
    point, network = path.best, task.network
    if point is None:
        none = np.full(network.external.shape, np.nan)
        empty = np.empty(0)
        return StabilizedOperatingPoint(
            task.start.weights, task.start.excitatory, reason, empty, none, 1.0, 0, empty, empty, ()
        )
    return StabilizedOperatingPoint(
        weights=point.weights,
        excitatory=task.start.excitatory,
        reason=reason,
        abscissae=network.abscissae(point.weights, point.rates),
        rates=point.rates,
        strength=point.strength,
        steps=path.steps,
        history=np.array(path.abscissae),
        strengths=np.array(path.strengths),
        checks=tuple(_checks(task, point)),
    )


def _checks(task: _Task, point: _Point) -> Iterator[Check]:
    """Properties of the final network, computed anew from its weights and from rest."""
    weights, start = point.weights, task.start
    rates = task.network.from_rest(weights)
    reached = task.network.abscissae(weights, rates).max() if rates is not None else np.nan
    yield Check("abscissa of the state reached from rest", float(reached), task.target, bool(reached <= task.target))
    distance = np.abs(rates - point.rates).max() if rates is not None else np.nan
    allowed = SAME_STATE * (1 + point.rates.max())
    yield Check("distance from the state reached from rest", float(distance), 0.0, bool(distance <= allowed))
    counts: dict[str, Any] = {
        "inhibitory weights of the wrong sign": (weights[:, ~start.excitatory] > 0).sum(),
        "excitatory weights that changed": (weights != start.weights)[:, start.excitatory].sum(),
        "inhibitory weights that changed where none may": ((weights != start.weights) & ~task.places)[
            :, ~start.excitatory
        ].sum(),
    }
    for name, count in counts.items():
        yield Check(name, int(count), 0, int(count) == 0)


def _rate_network(start: RandomNetwork, external: np.ndarray, gain: Gain, tau: Any, ceiling: float) -> RateNetwork:
    inputs = np.atleast_2d(np.array(external, dtype=np.float64))
    n = len(start.weights)
    if inputs.ndim != 2 or inputs.shape[1] != n or not len(inputs) or not np.isfinite(inputs).all():
        raise ValueError(f"external must be finite, of shape ({n},) or (conditions, {n}), not {np.shape(external)}.")
    if not ceiling > 0:
        raise ValueError(f"ceiling must be positive, not {ceiling}.")
    return RateNetwork(gain, inputs, as_time_constants(tau, start.excitatory), float(ceiling))


def _places(start: RandomNetwork, allowed: np.ndarray | None) -> np.ndarray:
    columns = np.zeros(start.weights.shape, bool)
    columns[:, inhibitory_columns(start)] = True
    if allowed is None:
        return columns & (start.weights < 0)
    return columns & as_mask(allowed, len(columns))


def _check_settings(
    target: float, tau: np.ndarray, eps: float | None, max_steps: int, has_free_diagonal: bool
) -> None:
    if not -np.inf < target < 0:
        raise ValueError(f"target must be a negative number, in 1/ms, not {target}.")
    lowest = float(np.mean(-1 / tau))
    if target < lowest and not has_free_diagonal:
        raise ValueError(
            f"No network without inhibitory self-connections has an abscissa of {target:g}/ms: the mean of its "
            f"eigenvalues is that of -1/tau, {lowest:g}/ms. Set a higher target, or allow self-connections."
        )
    if (eps is not None and not 0 < eps < np.inf) or max_steps < 0:
        raise ValueError(f"eps must be positive and max_steps 0 or more, not {eps} and {max_steps}.")
