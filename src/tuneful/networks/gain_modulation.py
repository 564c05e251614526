"""Gain modulation: one network, one initial state, one readout, and many movements [Stroud et al. 2018].

Only the gains of the cells learn, one by one or in groups, until the output follows a target over time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from tuneful.descents import AbstractDescent, Ended, Ending, Keeper, Observer, Outcome, Path, descend
from tuneful.networks.arguments import check_counts, check_numbers, real_array, shown
from tuneful.networks.gain_rules import AbstractGainRule, GainTask, GradientRule, RewardRule, variation
from tuneful.networks.random_weights import MOST_CELLS, as_square_matrix
from tuneful.networks.rate_dynamics import Drive, as_times, check_range, count_steps
from tuneful.networks.readout import Readout
from tuneful.solvers.spectrum import spectral_abscissa

RULES: dict[str, Callable[[], AbstractGainRule]] = {"gradient": GradientRule, "reward": RewardRule}
MAX_ITERATIONS = {GradientRule: 500, RewardRule: 5000}


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
    gains: Float[Array, " groups"]
    best: Float[Array, " groups"]
    memory: Any
    errors: Path

    def __repr__(self) -> str:
        return f"<GainState of {len(self.gains)} gains after {self.iterations} iterations, error {self.error:.4g}>"

    @property
    def iterations(self) -> int:
        """Iterations made."""
        return len(self.errors) - 1

    @property
    def error(self) -> float:
        """The error of the gains now."""
        return float(self.errors.rows[-1])

    @property
    def lowest(self) -> float:
        """The lowest error so far."""
        return float(self.errors.rows.min())


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
    outcome
        Why learning ended: reached (its goal), max_steps (all iterations made), interrupted, or not_finite: the next
        error would not have been a number (a smaller rate helps).
    abscissa
        Of W diag(gains): activity returns to baseline from nearby if it is below 1.
    state
        Where learning stands: pass it to `learn_gains` to go on.
    """

    gains: Float[np.ndarray, " n"]
    group_gains: Float[np.ndarray, " groups"]
    output: Float[np.ndarray, " times *outputs"]
    target: Float[np.ndarray, " times *outputs"]
    error: float
    errors: Float[np.ndarray, " iterations+1"]
    outcome: Outcome
    abscissa: float
    state: GainState

    def __repr__(self) -> str:
        return (
            f"<GainModulation of {len(self.gains)} cells in {len(self.group_gains)} groups: {self.outcome} after "
            f"{self.state.iterations} iterations, error {self.error:.4g}, abscissa {self.abscissa:.4g}>"
        )


def learn_gains(
    weights: ArrayLike,
    initial: ArrayLike,
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
    state: GainState | None = None,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> GainModulation:
    r"""Learn gains at which a network produces a target output [Stroud et al. 2018].

    Parameters
    ----------
    weights, initial, times, drive, baseline, largest, tau, step
        The network and how it is followed, see `tuneful.networks.rate_transients`. An initial activity that stirs the
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
        To make in all, those of `state` included; 500 by gradient and 5,000 by reward unless given.
    goal
        Error at which to stop.
    seed
        Of the exploration; needed by "reward" only.
    state
        Of an earlier result with the same other arguments, to go on from there.
    keeper
        Saves the state as learning goes, and finds the one from which to go on (see `tuneful.descents.descend`).
    observers
        Called in turn with a `Moment` at the beginning and after every iteration: the number of iterations, the
        state, whose `error` is that of the gains now, and the record of the iteration. If one returns True learning
        ends as interrupted; so it does on Ctrl-C.

    Returns
    -------
    GainModulation
        The best gains so far, whatever ended the learning.

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, the target is constant, groups are not numbered from 0 without a
        gap, settings are out of range, `seed` is missing, `state` is of something else, or the error of the
        initial gains is not finite.

    >>> from tuneful.networks import rate_transients
    >>> weights, initial, times = jnp.array([[0.0, -2.0], [2.0, 0.0]]), jnp.array([10.0, 0.0]), jnp.linspace(0, 2, 21)
    >>> readout = Readout(jnp.array([1.0, 0.0]), jnp.array(0.0))
    >>> target = rate_transients(weights, initial, times, gains=jnp.array([1.0, 0.7])).rates[:, 0]
    >>> learned = learn_gains(weights, initial, readout, target, times, iterations=200)
    >>> learned.error < 1e-3, learned.gains.round(1).tolist() == np.float32([1.0, 0.7]).tolist()
    (True, True)
    """
    rule = _rule(method)
    check_counts(or_none=("iterations", "seed"), iterations=iterations, seed=seed)
    check_numbers(goal=goal, step=step)
    if isinstance(rule, RewardRule) and seed is None:
        raise ValueError('method="reward" explores at random: pass a `seed`.')
    task = _task(weights, initial, readout, target, times, groups, drive, (baseline, largest), tau, step)
    limit = MAX_ITERATIONS.get(type(rule), 500) if iterations is None else iterations
    if limit < 0 or not goal >= 0:
        raise ValueError(f"iterations and goal must be 0 or more, not {limit} and {goal}.")
    descent = GainDescent(rule, task, gains, limit, goal, seed or 0)
    if state is not None:
        descent.check(state)
    end = descend(descent, state=state, keeper=keeper, observers=observers)
    return _result(task, end.ending.outcome, end.state)


def random_groups(n: int, groups: int, seed: int | np.random.Generator) -> np.ndarray:
    """Assign n cells to groups of equal size (but for one) at random: (n,), int from 0, for `learn_gains`.

    Raises
    ------
    ValueError
        If there are more groups than cells, or none.

    >>> np.bincount(random_groups(200, 20, seed=0)).tolist() == 20 * [10]
    True
    """
    check_counts(least=1, n=n, groups=groups)
    if not isinstance(seed, np.random.Generator):
        check_counts(seed=seed)
    if groups > n or n > MOST_CELLS:
        raise ValueError(f"At most {MOST_CELLS} cells can be in groups, and {n} cells in 1 to {n}, not in {groups}.")
    return np.random.default_rng(seed).permutation(np.arange(n) % groups)


class GainRecord(NamedTuple):
    """What is worth knowing about an iteration: the error of the gains that it led to."""

    error: float


@final
@dataclass(frozen=True, eq=False)
class GainDescent(AbstractDescent[GainState, GainRecord]):
    """Learning by a rule, until the error is at or below `goal` or `max_iterations` are made.

    rule, task
        How gains learn, and what.
    gains
        Where learning starts: one for all, or one a group.
    max_iterations
        In all.
    goal
        Error at which to stop.
    seed
        Of the exploration, and with the number of an iteration of its random numbers.
    """

    rule: AbstractGainRule
    task: GainTask
    gains: ArrayLike
    max_iterations: int
    goal: float
    seed: int

    def init(self) -> GainState:
        return _start(self.rule, self.task, self.gains)

    def step(self, state: GainState) -> tuple[GainState, GainRecord]:
        place = np.asarray([self.seed, state.iterations])
        gains, traced, memory = _advance(self.rule, self.task, state.gains, state.memory, place)
        error = float(traced)
        if not np.isfinite(error):
            raise Ended(Outcome.NOT_FINITE)
        best = gains if error < state.lowest else state.best
        return GainState(state.rule, gains, best, memory, state.errors.added(error)), GainRecord(error)

    def steps(self, state: GainState) -> int:
        return state.iterations

    def ending(self, state: GainState) -> Ending | None:
        if state.lowest <= self.goal:
            return Ending(Outcome.REACHED)
        return Ending(Outcome.MAX_STEPS) if state.iterations >= self.max_iterations else None

    def pack(self, state: GainState) -> dict[str, Any]:
        return {
            "rule": np.asarray(state.rule),
            "gains": np.asarray(state.gains),
            "best": np.asarray(state.best),
            "memory": jax.tree.map(np.asarray, state.memory),
            "errors": state.errors.rows,
        }

    def unpack(self, arrays: Mapping[str, Any]) -> GainState:
        gains, best, memory = jax.tree.map(jnp.asarray, [arrays[name] for name in ("gains", "best", "memory")])
        state = GainState(str(arrays["rule"]), gains, best, memory, Path.of(np.asarray(arrays["errors"])))
        self.check(state)
        return state

    def check(self, state: GainState) -> None:
        """Refuse a state of another rule or of other groups by a `ValueError`."""
        if not isinstance(state, GainState):
            raise ValueError(f"state must be that of an earlier result, not {shown(state)}.")
        if state.rule != type(self.rule).__name__ or state.gains.shape != (int(self.task.groups.max()) + 1,):
            raise ValueError(f"state is of {len(state.gains)} gains learned by {state.rule}: not of this task.")


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
    given = real_array("gains", gains)
    if given.shape not in ((), (count,)) or not (np.isfinite(given).all() and (given >= 0).all()):
        raise ValueError(
            f"gains must be one number or {count}, finite and not negative; their shape is {given.shape}."
        )
    initial = jnp.broadcast_to(jnp.asarray(given, task.weights.dtype), (count,))
    error, memory = _first(rule, task, initial)
    if not np.isfinite(float(error)):
        raise ValueError("The error of the initial gains is not finite: is `step` too long for these weights?")
    return GainState(type(rule).__name__, initial, initial, memory, Path.of(np.array([float(error)])))


def _result(task: GainTask, outcome: Outcome, state: GainState) -> GainModulation:
    gains = np.asarray(state.best)[np.asarray(task.groups)]
    return GainModulation(
        gains=gains,
        group_gains=np.asarray(state.best),
        output=np.asarray(_output(task, state.best)),
        target=np.asarray(task.target),
        error=state.lowest,
        errors=np.array(state.errors.rows),
        outcome=outcome,
        abscissa=spectral_abscissa(np.asarray(task.weights, np.float64) * gains),
        state=state,
    )


def _rule(method: Any) -> AbstractGainRule:
    if isinstance(method, AbstractGainRule):
        return method
    if not isinstance(method, str) or method not in RULES:
        raise ValueError(f"method must be one of {', '.join(RULES)}, or a rule, not {shown(method)}.")
    return RULES[method]()


def _task(
    weights: ArrayLike,
    initial: ArrayLike,
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
    w, clock = real_array("weights", as_square_matrix(weights)), as_times(times)
    if not isinstance(readout, Readout):
        raise ValueError(f"readout must be a Readout(weights, offset), as of fit_readout, not {shown(readout)}.")
    check_range(*rates)
    x, y = _finite("initial", initial, (len(w),)), real_array("target", target)
    if y.ndim not in (1, 2) or len(y) != len(clock):
        raise ValueError(f"target must have one row a time, {len(clock)}, not the shape {y.shape}.")
    y = _finite("target", y, y.shape)
    if not variation(y) > 0:
        raise ValueError("The target is constant: errors are relative to its variation over time.")
    for name, values in {"tau": tau, "drive": 0.0 if callable(drive) else drive}.items():
        values = real_array(name, values)
        _finite(name, np.broadcast_to(values, x.shape) if np.ndim(values) == 0 else values, x.shape)
    _finite("readout.weights", readout.weights, (len(w), *y.shape[1:]))
    _finite("readout.offset", np.broadcast_to(readout.offset, y.shape[1:]), y.shape[1:])
    dtype = jnp.result_type(float)
    arrays = [jnp.asarray(a, dtype) for a in (w, x, y, clock, tau, *readout)]
    w, x, y, t, taus, *read = arrays
    steps = count_steps(clock, np.asarray(tau, float), step)
    return GainTask(w, x, Readout(*read), y, _groups(groups, len(w)), t, taus, drive, steps, rates)


def _finite(name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = real_array(name, values)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers of shape {shape}; its shape is {array.shape}.")
    return array


def _groups(groups: ArrayLike | None, n: int) -> Array:
    given = np.arange(n) if groups is None else np.asarray(groups)
    is_numbered = given.shape == (n,) and np.issubdtype(given.dtype, np.integer) and given.min() >= 0
    if not is_numbered or not np.bincount(given).all():
        raise ValueError(f"groups must be {n} integers, one a cell: all of 0, 1, ... up to the last group.")
    return jnp.asarray(given)
