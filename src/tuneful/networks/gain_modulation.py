"""Gain modulation: one network, one initial state, one readout, and many movements [Stroud et al. 2018].

Only the gains of the cells learn, one by one or in groups, until the output follows a target over time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from tuneful.networks.gain_rules import AbstractGainRule, GainTask, GradientRule, RewardRule, variation
from tuneful.networks.random_weights import as_square_matrix
from tuneful.networks.rate_dynamics import Drive, as_times, check_range, count_steps
from tuneful.networks.readout import Readout
from tuneful.solvers.spectrum import spectral_abscissa

Reason = Literal["reached", "iterations", "interrupted", "not_finite"]
RULES: dict[str, Callable[[], AbstractGainRule]] = {"gradient": GradientRule, "reward": RewardRule}
ITERATIONS = {GradientRule: 500, RewardRule: 5000}


@dataclass(frozen=True, eq=False)
class GainState:
    """Where learning stands: all that is needed to go on with the same bits.

    rule
        Name of the rule's class.
    gains, best
        One a group: now, and those with the lowest error so far.
    memory
        Of the rule.
    errors
        After 0, 1, ... iterations.
    """

    rule: str
    gains: Array
    best: Array
    memory: Any
    errors: np.ndarray

    @property
    def iterations(self) -> int:
        """Iterations made."""
        return len(self.errors) - 1


@dataclass(frozen=True, eq=False)
class GainModulation:
    """Learned gains, the best of all iterations.

    gains, group_gains
        One a cell, (N,); one a group, (groups,).
    output, target
        (T,) or (T, outputs).
    error
        sum (output - target)^2 / sum (target - mean)^2: 0 is perfect, 1 is a constant output at best.
    errors
        Of the gains after 0, 1, ... iterations, of earlier runs of a resumed learning too.
    reason
        Why learning ended: "reached" its goal, all "iterations" made, "interrupted", or "not_finite": the next error
        would not have been a number (a smaller rate helps).
    abscissa
        Of W diag(gains): activity returns to baseline from nearby if it is below 1.
    state
        Where learning stands: pass it as `resume` to go on.
    """

    gains: np.ndarray
    group_gains: np.ndarray
    output: np.ndarray
    target: np.ndarray
    error: float
    errors: np.ndarray
    reason: Reason
    abscissa: float
    state: GainState


def learn_gains(
    weights: ArrayLike,
    state: ArrayLike,
    readout: Readout,
    target: ArrayLike,
    times: ArrayLike,
    *,
    method: Literal["gradient", "reward"] | AbstractGainRule = "gradient",
    groups: ArrayLike | None = None,
    gains: ArrayLike = 1.0,
    iterations: int | None = None,
    goal: float = 0.0,
    seed: int | None = None,
    drive: Drive = 0.0,
    baseline: float = 20.0,
    largest: float = 100.0,
    tau: ArrayLike = 1.0,
    step: float = 0.02,
    resume: GainState | None = None,
    callback: Callable[[int, float], object] | None = None,
) -> GainModulation:
    r"""Learn gains at which a network produces a target output [Stroud et al. 2018].

    Parameters
    ----------
    weights, state, times, drive, baseline, largest, tau, step
        The network and how it is followed, see `tuneful.networks.rate_transients`. A state that stirs the
        network well is the first of `tuneful.networks.scalars.preferred_states`, scaled to a norm of 1.5 sqrt(N) in
        the paper.
    readout
        Fixed; from `fit_readout`, at the rates of the default gains.
    target
        (T,) or (T, outputs), one row a time.
    method
        "gradient", "reward", or a rule with settings of your own, `GradientRule(rate)` or `RewardRule(noise, memory)`
        of `tuneful.networks.gain_rules`.
    groups
        (N,), int from 0: cells of a group share their gain (see `random_groups`). By default every cell is its own.
    gains
        Where learning starts: one for all, or one a group.
    iterations
        To make in all, those of `resume` included; 500 by gradient and 5,000 by reward unless given.
    goal
        Error at which to stop.
    seed
        Of the exploration; needed by "reward" only.
    resume
        State of an earlier result with the same other arguments, to go on from there.
    callback
        Called with the number of iterations and the error after each. If it returns True learning ends as
        "interrupted"; so it does on Ctrl-C.

    Returns
    -------
    GainModulation
        The best gains so far, whatever ended the learning.

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, the target is constant, groups are not numbered from 0 without a
        gap, settings are out of range, `seed` is missing, `resume` is of something else, or the error of the
        initial gains is not finite.

    >>> from tuneful.networks import rate_transients
    >>> weights, state, times = jnp.array([[0.0, -2.0], [2.0, 0.0]]), jnp.array([10.0, 0.0]), jnp.linspace(0, 2, 21)
    >>> readout = Readout(jnp.array([1.0, 0.0]), jnp.array(0.0))
    >>> target = rate_transients(weights, state, times, gains=jnp.array([1.0, 0.7])).rates[:, 0]
    >>> learned = learn_gains(weights, state, readout, target, times, iterations=200)
    >>> learned.error < 1e-3, learned.gains.round(1).tolist() == np.float32([1.0, 0.7]).tolist()
    (True, True)
    """
    rule = _rule(method)
    if isinstance(rule, RewardRule) and seed is None:
        raise ValueError('method="reward" explores at random: pass a `seed`.')
    task = _task(weights, state, readout, target, times, groups, drive, (baseline, largest), tau, step)
    limit = ITERATIONS.get(type(rule), 500) if iterations is None else iterations
    if limit < 0 or not goal >= 0:
        raise ValueError(f"iterations and goal must be 0 or more, not {limit} and {goal}.")
    reason, learned = _learn(rule, task, resume or _start(rule, task, gains), limit, goal, seed or 0, callback)
    return _result(task, reason, learned)


def random_groups(n: int, groups: int, seed: int | np.random.Generator) -> np.ndarray:
    """Assign n cells to groups of equal size (but for one) at random: (n,), int from 0, for `learn_gains`.

    Raises
    ------
    ValueError
        If there are more groups than cells, or none.

    >>> np.bincount(random_groups(200, 20, seed=0)).tolist() == 20 * [10]
    True
    """
    if not 1 <= groups <= n:
        raise ValueError(f"{n} cells can be in 1 to {n} groups, not in {groups}.")
    return np.random.default_rng(seed).permutation(np.arange(n) % groups)


def _learn(
    rule: AbstractGainRule,
    task: GainTask,
    state: GainState,
    limit: int,
    goal: float,
    seed: int,
    callback: Callable[[int, float], object] | None,
) -> tuple[Reason, GainState]:
    """Iterate until there is a reason to stop. States are replaced, never changed: an interruption finds a whole."""
    if state.rule != type(rule).__name__ or state.gains.shape != (int(task.groups.max()) + 1,):
        raise ValueError(f"resume is of {len(state.gains)} gains learned by {state.rule}: not of this task.")
    try:
        while state.errors.min() > goal:
            if state.iterations >= limit:
                return "iterations", state
            place = np.asarray([seed, state.iterations])
            gains, error, memory = _advance(rule, task, state.gains, state.memory, place)
            if not np.isfinite(float(error)):
                return "not_finite", state
            best = gains if float(error) < state.errors.min() else state.best
            errors = np.append(state.errors, float(error))
            state = replace(state, gains=gains, best=best, memory=memory, errors=errors)
            if callback is not None and callback(state.iterations, float(error)) is True:
                return "interrupted", state
        return "reached", state
    except KeyboardInterrupt:
        return "interrupted", state


@eqx.filter_jit
def _first(rule: AbstractGainRule, task: GainTask, gains: Array) -> tuple[Array, Any]:
    return rule.start(task, gains)


@eqx.filter_jit
def _output(task: GainTask, gains: Array) -> Array:
    return task.output(gains)


@eqx.filter_jit
def _advance(
    rule: AbstractGainRule, task: GainTask, gains: Array, memory: Any, place: np.ndarray
) -> tuple[Array, Array, Any]:
    key = jax.random.fold_in(jax.random.key(place[0]), place[1])
    return rule.advance(task, gains, memory, key)


def _start(rule: AbstractGainRule, task: GainTask, gains: ArrayLike) -> GainState:
    """The state before the first iteration."""
    count = int(task.groups.max()) + 1
    given = np.asarray(gains, np.float64)
    if given.shape not in ((), (count,)) or not (np.isfinite(given).all() and (given >= 0).all()):
        raise ValueError(
            f"gains must be one number or {count}, finite and not negative; their shape is {given.shape}."
        )
    initial = jnp.broadcast_to(jnp.asarray(given, task.weights.dtype), (count,))
    error, memory = _first(rule, task, initial)
    if not np.isfinite(float(error)):
        raise ValueError("The error of the initial gains is not finite: is `step` too long for these weights?")
    return GainState(type(rule).__name__, initial, initial, memory, np.array([float(error)]))


def _result(task: GainTask, reason: Reason, state: GainState) -> GainModulation:
    gains = np.asarray(state.best)[np.asarray(task.groups)]
    return GainModulation(
        gains=gains,
        group_gains=np.asarray(state.best),
        output=np.asarray(_output(task, state.best)),
        target=np.asarray(task.target),
        error=float(state.errors.min()),
        errors=state.errors,
        reason=reason,
        abscissa=spectral_abscissa(np.asarray(task.weights, np.float64) * gains),
        state=state,
    )


def _rule(method: Any) -> AbstractGainRule:
    if isinstance(method, AbstractGainRule):
        return method
    if method not in RULES:
        raise ValueError(f"method must be one of {', '.join(RULES)}, or a rule, not {method!r}.")
    return RULES[method]()


def _task(
    weights: ArrayLike,
    state: ArrayLike,
    readout: Readout,
    target: ArrayLike,
    times: ArrayLike,
    groups: ArrayLike | None,
    drive: Drive,
    rates: tuple[float, float],
    tau: ArrayLike,
    step: float,
) -> GainTask:
    """Check everything once, in NumPy, before it is compiled."""
    w, clock = as_square_matrix(np.asarray(weights)), as_times(times)
    check_range(*rates)
    x, y = _finite("state", state, (len(w),)), np.asarray(target, np.float64)
    if y.ndim not in (1, 2) or len(y) != len(clock):
        raise ValueError(f"target must have one row a time, {len(clock)}, not the shape {y.shape}.")
    y = _finite("target", y, y.shape)
    if not variation(y) > 0:
        raise ValueError("The target is constant: errors are relative to its variation over time.")
    for name, values in {"tau": tau, "drive": 0.0 if callable(drive) else drive}.items():
        _finite(name, np.broadcast_to(values, x.shape) if np.ndim(values) == 0 else values, x.shape)
    _finite("readout.weights", readout.weights, (len(w), *y.shape[1:]))
    _finite("readout.offset", np.broadcast_to(readout.offset, y.shape[1:]), y.shape[1:])
    dtype = jnp.result_type(float)
    arrays = [jnp.asarray(a, dtype) for a in (w, x, y, clock, tau, *readout)]
    w, x, y, t, taus, *read = arrays
    steps = count_steps(clock, np.asarray(tau, float), step)
    return GainTask(w, x, Readout(*read), y, _groups(groups, len(w)), t, taus, drive, steps, rates)


def _finite(name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers of shape {shape}; its shape is {array.shape}.")
    return array


def _groups(groups: ArrayLike | None, n: int) -> Array:
    given = np.arange(n) if groups is None else np.asarray(groups)
    is_numbered = given.shape == (n,) and np.issubdtype(given.dtype, np.integer) and given.min() >= 0
    if not is_numbered or not np.bincount(given).all():
        raise ValueError(f"groups must be {n} integers, one a cell: all of 0, 1, ... up to the last group.")
    return jnp.asarray(given)
