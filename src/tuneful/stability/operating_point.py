"""Stabilised operating points: one call from a nonlinear rate network to one whose steady states are stable."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tuneful.descents import Descended, Keeper, Observer, descend
from tuneful.networks.arguments import check_counts, check_numbers, real_array, shown
from tuneful.networks.random_weights import RandomNetwork, as_mask, user_network
from tuneful.networks.rate_network import Gain, RateNetwork
from tuneful.stability.checks import Check
from tuneful.stability.operating_descent import (
    OperatingPoint,
    OperatingPointDescent,
    OperatingProblem,
    OperatingSettings,
    OperatingState,
)
from tuneful.stability.operating_result import StabilizedOperatingPoint
from tuneful.stability.problem import as_time_constants, inhibitory_columns


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
    settings: OperatingSettings | None = None,
    state: OperatingState | None = None,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> StabilizedOperatingPoint:
    r"""Let inhibition learn until the steady states of T dr/dt = -r + f(W r + I) have a wanted spectral abscissa.

    Excitatory weights do not change. See `tuneful.stability.operating_descent` for the way.

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
    settings
        How steps are chosen.
    state
        Of an earlier result with the same other arguments, to go on from there.
    keeper
        Saves the state as the descent goes, and finds the one from which to go on (see `tuneful.descents.descend`).
    observers
        Called in turn with a `Moment` at the beginning and after every step: the number of steps, the state, whose
        `abscissa` is the largest now, and the record of the step. If one returns True the descent ends as
        interrupted; so it does on Ctrl-C.

    Returns
    -------
    StabilizedOperatingPoint
        Weights, rates, abscissae, outcome, history, checks. If the target was not reached it holds the
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
    >>> circuit.outcome.value, circuit.abscissa <= -0.03, bool((circuit.weights[:, 0] == weights[:, 0]).all())
    ('reached', True, True)
    """
    start = user_network(weights, excitatory)
    check_numbers(or_none=("eps",), target=target, eps=eps, ceiling=ceiling)
    check_counts(max_steps=max_steps)
    for name, value, kind in (("settings", settings, OperatingSettings), ("state", state, OperatingState)):
        if not isinstance(value, kind | None):
            raise ValueError(f"{name} must be {kind.__name__}, not {shown(value)}.")
    network = _rate_network(start, external, gain, tau, ceiling)
    places = _places(start, allowed)
    _check_settings(target, network.tau, eps, max_steps, bool(np.diag(places).any()))
    eps = 0.8 / float(network.tau.max()) if eps is None else eps
    problem = OperatingProblem(
        start, network, places, target, eps / len(start.weights), settings or OperatingSettings()
    )
    descent = OperatingPointDescent(problem, max_steps)
    begin = None if state is None else descent.unpack(descent.pack(state))
    return _result(problem, descend(descent, state=begin, keeper=keeper, observers=observers))


def _result(problem: OperatingProblem, end: Descended[OperatingState]) -> StabilizedOperatingPoint:
    state, point, network = end.state, end.state.best, problem.network
    is_begun = not np.isnan(state.abscissa)
    seen = len(state.abscissae) if is_begun else 0
    return StabilizedOperatingPoint(
        weights=point.weights,
        excitatory=problem.start.excitatory,
        outcome=end.ending.outcome,
        abscissae=network.abscissae(point.weights, point.rates) if is_begun else np.empty(0),
        rates=point.rates if is_begun else np.full(network.external.shape, np.nan),
        strength=point.strength,
        steps=state.steps,
        history=np.array(state.abscissae.rows[:seen]),
        strengths=np.array(state.strengths.rows[:seen]),
        checks=tuple(_checks(problem, point)) if is_begun else (),
        state=state,
    )


def _checks(problem: OperatingProblem, point: OperatingPoint) -> Iterator[Check]:
    """Properties of the final network, computed anew from its weights and from rest."""
    weights, start = point.weights, problem.start
    rates = problem.network.from_rest(weights)
    reached = problem.network.abscissae(weights, rates).max() if rates is not None else np.nan
    yield Check(
        "abscissa of the state reached from rest", float(reached), problem.target, bool(reached <= problem.target)
    )
    distance = np.abs(rates - point.rates).max() if rates is not None else np.nan
    allowed = problem.settings.same_state * (1 + point.rates.max())
    yield Check("distance from the state reached from rest", float(distance), 0.0, bool(distance <= allowed))
    counts: dict[str, Any] = {
        "inhibitory weights of the wrong sign": (weights[:, ~start.excitatory] > 0).sum(),
        "excitatory weights that changed": (weights != start.weights)[:, start.excitatory].sum(),
        "inhibitory weights that changed where none may": ((weights != start.weights) & ~problem.places)[
            :, ~start.excitatory
        ].sum(),
    }
    for name, count in counts.items():
        yield Check(name, int(count), 0, int(count) == 0)


def _rate_network(start: RandomNetwork, external: np.ndarray, gain: Gain, tau: Any, ceiling: float) -> RateNetwork:
    inputs = np.atleast_2d(real_array("external", external))
    n = len(start.weights)
    if inputs.ndim != 2 or inputs.shape[1] != n or not len(inputs) or not np.isfinite(inputs).all():
        raise ValueError(f"external must be finite, of shape ({n},) or (conditions, {n}), not {np.shape(external)}.")
    if not ceiling > 0:
        raise ValueError(f"ceiling must be positive, not {ceiling}.")
    check_gain(gain, n)
    return RateNetwork(gain, inputs, as_time_constants(tau, start.excitatory), float(ceiling))


def check_gain(gain: Gain, n: int) -> None:
    """Refuse what does not map n inputs to n rates in JAX, which nothing but a try can tell.

    >>> check_gain(lambda u: u[:, :1], 2)
    Traceback (most recent call last):
    ValueError: gain must be a function, written in JAX, from an array of inputs to one of rates of its shape.
    """
    inputs = jax.ShapeDtypeStruct((1, n), jnp.result_type(float))
    try:
        rates: Any = jax.eval_shape(gain, inputs)
    except Exception as error:
        why = f" ({type(error).__name__})"
    else:
        why = ""
        if getattr(rates, "shape", None) == inputs.shape:
            return
    raise ValueError(
        f"gain must be a function, written in JAX, from an array of inputs to one of rates of its shape{why}."
    )


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
    if eps is not None and not 0 < eps < np.inf:
        raise ValueError(f"eps must be positive, not {eps}.")
