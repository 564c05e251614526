"""From a network and what is asked of it to the problem that a descent solves."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tuneful.networks.linear_dynamics import effective_matrix
from tuneful.networks.random_weights import RandomNetwork
from tuneful.solvers.spectrum import spectral_abscissa
from tuneful.stability.constraints import (
    Constraints,
    InhibitoryConstraints,
    NoConstraints,
    PublishedConstraints,
    balanced_groups,
    synapse_quotas,
)
from tuneful.stability.descent import Problem, Step
from tuneful.stability.shifts import Margin

PUBLISHED_RATE = 10.0
LARGEST_SINGLE = 1e15  # of which squares and sums are single-precision numbers, too
SPAN = 1e9  # of time constants, in units of the reference and one over it

TimeConstants = np.ndarray | Sequence[float] | None


def free_problem(
    network: RandomNetwork, target: float, constraints: Constraints, step: Step, time_constants: TimeConstants
) -> Problem:
    """The problem whose constraints hold exactly: no self-connections first, then density, balance last."""
    types = network.excitatory
    inhibitory = inhibitory_columns(network)
    weights = network.weights if constraints.self_connections else without_diagonal(network.weights)
    places = constraints.places(inhibitory, len(weights))
    groups, wanted = balanced_groups(weights, types, constraints.gamma, constraints.balance)
    density = constraints.density
    quotas = None if density is None else synapse_quotas(places, density, constraints.balance)
    check_room(places, groups)
    strength = weights[:, types].sum() / places.sum()
    admissible = InhibitoryConstraints(
        places, quotas, groups, wanted, constraints.sparsity, float(strength), constraints.seed
    )
    constants = as_time_constants(time_constants, types)
    has_free_diagonal = bool(places[inhibitory, np.arange(len(inhibitory))].any())
    check_target(target, effective_matrix(weights, constants), has_free_diagonal)
    n = len(weights)
    radius = float(np.sqrt(n) * weights.std())
    rate = n * radius / 50 if step.rate is None else step.rate
    fits = np.abs(np.concatenate([weights.ravel() / constants.min(), wanted])).max() < LARGEST_SINGLE
    precision = step.shift.precision(radius) if fits else np.float64
    return Problem(weights, inhibitory, constants, target, admissible, step, rate, precision)


def stable_problem(
    network: RandomNetwork, target: float, step: Step, time_constants: TimeConstants
) -> Problem | None:
    """The problem that is solved by the network as it is; None if its abscissa is above the target."""
    inhibitory, constants = inhibitory_columns(network), as_time_constants(time_constants, network.excitatory)
    if not spectral_abscissa(effective_matrix(network.weights, constants)) <= target:
        return None
    return Problem(network.weights, inhibitory, constants, target, NoConstraints(), step, 0.0, np.float64)


def published_problem(
    network: RandomNetwork, target: float, constraints: Constraints, step: Step, time_constants: TimeConstants
) -> Problem:
    """The problem as the published code solves it: its projection, rate 10, a bare gradient step, float64."""
    plain = Constraints(constraints.gamma, constraints.density, "type", "strongest", False, None, constraints.seed)
    is_plain = constraints.allowed is None and constraints == plain
    if not is_plain or constraints.density is None or time_constants is not None:
        raise ValueError(
            "faithful=True needs a density, and knows one balance ('type'), one sparsity ('strongest'), no mask, no "
            "self-connections and equal time constants, as published."
        )
    problem = free_problem(network, target, constraints, Step(Margin(), PUBLISHED_RATE, 0.0, 0.0), None)
    assert isinstance(problem.constraints, InhibitoryConstraints)
    published = PublishedConstraints(problem.inhibitory, problem.constraints.balance, constraints.density)
    return replace(problem, constraints=published, precision=np.float64)


def check_room(places: np.ndarray, groups: np.ndarray) -> None:
    """Refuse a mask without any place for the inhibition that a group of rows needs.

    >>> check_room(np.array([[True], [False]]), np.array([0, 1]))
    Traceback (most recent call last):
    ValueError: No inhibitory synapse is allowed onto row 1 and its like, whose excitation must be balanced: ...
    """
    room = np.bincount(groups, places.sum(axis=1)) if len(groups) else np.array([places.sum()])
    if not room.all():
        row = int(np.argmax(groups == np.argmin(room))) if len(groups) else 0
        raise ValueError(
            f"No inhibitory synapse is allowed onto row {row} and its like, whose excitation must be balanced: allow "
            "some, or use another balance."
        )


def check_target(target: float, dynamics: np.ndarray, has_free_diagonal: bool) -> None:
    """Refuse a target below the mean of the eigenvalues, which only self-connections can move.

    >>> check_target(-1.0, np.zeros((2, 2)), has_free_diagonal=False)
    Traceback (most recent call last):
    ValueError: No circuit without inhibitory self-connections has an abscissa of -1: the mean of its eigenvalues ...
    """
    mean = float(np.trace(dynamics)) / len(dynamics)
    if target < mean and not has_free_diagonal:
        raise ValueError(
            f"No circuit without inhibitory self-connections has an abscissa of {target:g}: the mean of its "
            f"eigenvalues is that of the diagonal, {mean:g}. Set a higher target, or self_connections=True."
        )


def inhibitory_columns(network: RandomNetwork) -> np.ndarray:
    """Indices of the inhibitory cells; a `ValueError` unless there are cells of both types."""
    for name, cells in (("inhibitory", ~network.excitatory), ("excitatory", network.excitatory)):
        if not cells.any():
            raise ValueError(f"The network has no {name} cell: inhibition that balances excitation needs both types.")
    return np.flatnonzero(~network.excitatory)


def without_diagonal(weights: np.ndarray) -> np.ndarray:
    """A copy without self-connections.

    >>> without_diagonal(np.ones((2, 2)))
    array([[0., 1.],
           [1., 0.]])
    """
    return np.where(np.eye(len(weights), dtype=bool), 0.0, weights)


def as_time_constants(time_constants: TimeConstants, excitatory: np.ndarray) -> np.ndarray:
    """One time constant a cell, from None (all 1), a pair (excitatory, inhibitory) or one a cell.

    >>> as_time_constants((1.0, 0.5), np.array([True, False, True]))
    array([1. , 0.5, 1. ])
    """
    if time_constants is None:
        return np.ones(len(excitatory))
    try:
        values = np.asarray(time_constants, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape not in ((2,), excitatory.shape) or not ((values >= 1 / SPAN) & (values <= SPAN)).all():
        raise ValueError(
            f"time_constants must be two positive numbers (excitatory, inhibitory) or {len(excitatory)} of them, "
            f"{1 / SPAN:g} to {SPAN:g}."
        )
    return values if values.shape == excitatory.shape else np.where(excitatory, values[0], values[1])
