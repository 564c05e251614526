"""Stability-optimised circuits: one call from an unstable network to a stable, still rich one."""

from collections.abc import Sequence

import numpy as np

from tuneful.descents import Keeper, Observer, Outcome, descend
from tuneful.networks.arguments import check_counts, check_numbers, shown
from tuneful.networks.linear_dynamics import effective_matrix
from tuneful.networks.random_weights import SMALLEST, RandomNetwork, user_network
from tuneful.solvers.spectrum import spectral_abscissa
from tuneful.stability.checks import Check, check_constraints
from tuneful.stability.constraints import Balance, Constraints, NoConstraints, Sparsity
from tuneful.stability.descent import DescentState, Problem, StabilityDescent, Step
from tuneful.stability.problem import free_problem, published_problem, stable_problem
from tuneful.stability.result import StabilizedCircuit
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
    leave_stable: bool = True,
    state: DescentState | None = None,
    keeper: Keeper | None = None,
    observers: Sequence[Observer] = (),
) -> StabilizedCircuit:
    r"""Let inhibition learn to keep a network stable [Hennequin, Vogels & Gerstner 2014].

    The inhibitory weights descend the smoothed spectral abscissa, whose gradient is QP / trace(QP) [Vanbiervliet et
    al. 2009], within their constraints, until the spectral abscissa of W is at or below `target`. Excitatory weights
    do not change. With time in units of the time constant, activity follows dx/dt = (W - 1) x: it is stable for
    abscissae below 1. A network whose abscissa is at or below the target as it is comes back unchanged, and `checks`
    say which constraints it does not obey.

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
    leave_stable
        False brings a network that is stable already into the constraints, too, which may raise its abscissa.
    state
        Of an earlier result with the same other arguments, to go on from there.
    keeper
        Saves the state as the descent goes, and finds the one from which to go on (see `tuneful.descents.descend`).
    observers
        Called in turn with a `Moment` at the beginning and after every step: the number of steps, the state, whose
        `abscissa` is that of the matrix now, and the record of the step. If one returns True the descent ends as
        interrupted; so it does on Ctrl-C.

    Returns
    -------
    StabilizedCircuit
        Weights, outcome, history, checks. If the target was not reached it holds the best circuit.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite, violates Dale's law or has no cell of one type; if gamma, density,
        time constants or settings are out of range; if there is no room for so many synapses.

    >>> from tuneful.circuits import random_network
    >>> network = random_network(40, seed=0, radius=4.0)
    >>> circuit = stabilize(network.weights, network.excitatory, target=0.5)
    >>> circuit.outcome.value, all(check.holds for check in circuit.checks)
    ('reached', True)
    """
    network = user_network(weights, excitatory)
    check_numbers(or_none=("rate",), target=target, rate=rate, momentum=momentum, adaptivity=adaptivity)
    if not abs(target) <= 1 / SMALLEST:
        raise ValueError(f"target must be a finite number below {1 / SMALLEST:g}, not {target}.")
    check_counts(or_none=("max_steps",), max_steps=max_steps)
    check_counts(least=1, patience=patience)
    if not isinstance(shift, Margin | Smoothing | None):
        raise ValueError(f"shift must be Margin(...) or Smoothing(...), not {shown(shift)}.")
    constraints = Constraints(gamma, density, balance, sparsity, self_connections, allowed, seed)
    step = Step(Margin() if shift is None else shift, rate, momentum, adaptivity)
    build = published_problem if faithful else free_problem
    solved = stable_problem(network, target, step, time_constants) if leave_stable else None
    problem = solved or build(network, target, constraints, step, time_constants)
    limit = max_steps if max_steps is not None else (10_000 if faithful else 2_000)
    descent = StabilityDescent(problem, limit, patience)
    begin = None if state is None else descent.unpack(descent.pack(state))  # evaluated anew, for these arguments
    end = descend(descent, state=begin, keeper=keeper, observers=observers)
    return _result(problem, network, constraints, end.state, end.ending.outcome)


def _result(
    problem: Problem, network: RandomNetwork, constraints: Constraints, state: DescentState, outcome: Outcome
) -> StabilizedCircuit:
    weights = problem.circuit(state.best)
    abscissa = spectral_abscissa(effective_matrix(weights, problem.time_constants))
    reached = Check("abscissa", abscissa, problem.target, abscissa <= problem.target)
    return StabilizedCircuit(
        weights=weights,
        excitatory=network.excitatory,
        outcome=outcome,
        abscissa=abscissa,
        steps=state.steps,
        history=np.array(state.abscissae.rows),
        checks=(reached, *check_constraints(weights, network, constraints)),
        state=state,
        unchanged=isinstance(problem.constraints, NoConstraints),
    )
