"""Stability-optimised circuits: one call from an unstable network to a stable, still rich one."""

from collections.abc import Callable, Sequence

import numpy as np

from tuneful.networks.linear_dynamics import effective_matrix
from tuneful.networks.random_weights import RandomNetwork, user_network
from tuneful.solvers.spectrum import spectral_abscissa
from tuneful.stability.checks import Check, check_constraints
from tuneful.stability.constraints import Balance, Constraints, Sparsity
from tuneful.stability.descent import DescentState, Problem, Step, advance
from tuneful.stability.problem import free_problem, published_problem
from tuneful.stability.result import Reason, StabilizedCircuit
from tuneful.stability.shifts import Margin, Smoothing


def stabilize(
    weights: np.ndarray,
    excitatory: np.ndarray | None = None,
    target: float = 0.15,
    gamma: float | None = 3.0,
    density: float | None = 0.4,
    *,
    balance: Balance = "type",
    sparsity: Sparsity = "strongest",
    self_connections: bool = False,
    allowed: np.ndarray | None = None,
    time_constants: np.ndarray | Sequence[float] | None = None,
    shift: Margin | Smoothing | None = None,
    rate: float | None = None,
    momentum: float = 0.9,
    adaptivity: float = 0.7,
    max_steps: int | None = None,
    patience: int = 300,
    seed: int | None = None,
    faithful: bool = False,
    state: DescentState | None = None,
    callback: Callable[[int, float], object] | None = None,
    on_state: Callable[[DescentState], object] | None = None,
) -> StabilizedCircuit:
    r"""Let inhibition learn to keep a network stable [Hennequin, Vogels & Gerstner 2014].

    The inhibitory weights descend the smoothed spectral abscissa, whose gradient is QP / trace(QP) [Vanbiervliet et
    al. 2009], within their constraints, until the spectral abscissa of W is at or below `target`. Excitatory weights
    do not change. With time in units of the time constant, activity follows dx/dt = (W - 1) x: it is stable for
    abscissae below 1.

    Parameters
    ----------
    weights
        W, (N, N), rows post-synaptic; `tuneful.networks.random_network` draws the published ones.
    excitatory
        (N,), bool; by default read off the signs of the columns.
    target
        Spectral abscissa to reach; with `time_constants`, of 1 + T^-1 (W - 1). Negative ones need `self_connections`:
        the mean of the eigenvalues is the mean of the diagonal.
    gamma
        Mean inhibitory over mean excitatory weight, in every group of rows that `balance` names.
    density
        Fraction of the entries of the inhibitory columns that are synapses, in (0, 1]; None for no constraint.
    balance
        "type": all excitatory cells together, and all inhibitory ones. "row": every cell by itself (each row then
        holds its share of the synapses). None: no constraint, gamma is not used.
    sparsity
        "strongest": the strongest synapses stay, and all silent ones compete with them at every step. "replace": a
        synapse that falls silent is replaced by a faint one at a random place (needs a `seed`).
    self_connections
        Whether cells may connect to themselves; otherwise the diagonal of W is emptied first.
    allowed
        (N, N), bool: where inhibitory synapses may be; everywhere by default.
    time_constants
        Two numbers, for excitatory and inhibitory cells, or one for every cell, in units of a reference.
    shift
        `Margin()`, the published shortcut, is the default; `Smoothing(eps)` takes the exact gradient at fixed or
        shrinking eps.
    rate, momentum, adaptivity
        Of the step (see `tuneful.stability.descent.Step`). The rate is by default N r / 50 with r = sqrt(N) std(W),
        the radius of the spectrum of a random matrix with these entries.
    max_steps, patience
        Stop after so many steps (2,000; 10,000 if faithful), or after so many without a lower abscissa.
    seed
        Of the random places of sparsity="replace".
    faithful
        Take exactly the published steps: rate 10, no momentum, and the projection with its quirks (final density
        .39495 instead of .4, gamma 2.995 to 2.998 instead of 3). About 30 times as many steps.
    state
        Of an earlier result with the same other arguments, to go on from there.
    callback
        Called with the number of steps and the abscissa at every step. If it returns True the descent ends as
        "interrupted"; so it does on Ctrl-C.
    on_state
        Called with the state of the descent at every step, after `callback`: one that is saved can be gone on from.

    Returns
    -------
    StabilizedCircuit
        Weights, reason for stopping, history, checks. If the target was not reached it holds the best circuit.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite, violates Dale's law or has no cell of one type; if gamma, density,
        time constants or settings are out of range; if there is no room for so many synapses.

    >>> from tuneful.circuits import random_network
    >>> network = random_network(40, seed=0, radius=4.0)
    >>> circuit = stabilize(network.weights, network.excitatory, target=0.5)
    >>> circuit.reason, all(check.holds for check in circuit.checks)
    ('reached', True)
    """
    network = user_network(weights, excitatory)
    constraints = Constraints(gamma, density, balance, sparsity, self_connections, allowed, seed)
    step = Step(Margin() if shift is None else shift, rate, momentum, adaptivity)
    build = published_problem if faithful else free_problem
    problem = build(network, target, constraints, step, time_constants)
    limit = max_steps if max_steps is not None else (10_000 if faithful else 2_000)
    if limit < 0 or patience < 1:
        raise ValueError(f"max_steps must be 0 or more and patience 1 or more, not {limit} and {patience}.")
    start = problem.start()
    if state is not None and state.inhibition.shape != start.inhibition.shape:
        raise ValueError(f"state is of a network with other cells: {state.inhibition.shape} inhibitory weights.")
    reason, state = _descend(problem, state or start, limit, patience, callback, on_state)
    return _result(problem, network, constraints, state, reason)


def _descend(
    problem: Problem,
    state: DescentState,
    max_steps: int,
    patience: int,
    callback: Callable[[int, float], object] | None,
    on_state: Callable[[DescentState], object] | None,
) -> tuple[Reason, DescentState]:
    """Step until there is a reason to stop. States are replaced, never changed: an interruption finds a whole one."""
    try:
        while True:
            form, abscissa = problem.evaluate(state.inhibition)
            state = state.record(abscissa)
            is_ended = callback is not None and callback(state.steps, abscissa) is True
            if on_state is not None:
                on_state(state)
            if abscissa <= problem.target:
                return "reached", state
            if is_ended:
                return "interrupted", state
            if state.steps >= max_steps:
                return "max_steps", state
            if state.steps_since_best >= patience:
                return "stalled", state
            try:
                state = advance(problem, state, form)
            except ArithmeticError:
                return "no_gradient", state
    except KeyboardInterrupt:
        return "interrupted", state


def _result(
    problem: Problem, network: RandomNetwork, constraints: Constraints, state: DescentState, reason: Reason
) -> StabilizedCircuit:
    weights = problem.circuit(state.best)
    abscissa = spectral_abscissa(effective_matrix(weights, problem.time_constants))
    reached = Check("abscissa", abscissa, problem.target, abscissa <= problem.target)
    return StabilizedCircuit(
        weights=weights,
        excitatory=network.excitatory,
        reason=reason,
        abscissa=abscissa,
        steps=state.steps,
        history=state.abscissae,
        checks=(reached, *check_constraints(weights, network, constraints)),
        state=state,
    )
