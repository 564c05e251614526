"""Checks of a finished circuit against what was asked for, independent of the code that kept the constraints."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.circuits.random_network import RandomNetwork
from tuneful.stability.constraints import Constraints

GAMMA_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Check:
    """One property of the final circuit: its value, what was asked for, and whether it holds."""

    name: str
    value: float
    wanted: float
    holds: bool


def check_constraints(weights: np.ndarray, start: RandomNetwork, constraints: Constraints) -> Iterator[Check]:
    """Check signs, places, excitation, density and balance of a circuit that began as `start`."""
    types, inhibition = start.excitatory, weights[:, ~start.excitatory]
    yield _none("weights of the wrong sign", (weights[:, types] < 0).sum() + (inhibition > 0).sum())
    excitation = start.weights[:, types].copy()
    if not constraints.self_connections:
        excitation[np.flatnonzero(types), np.arange(types.sum())] = 0
        yield _none("self-connections", np.diag(weights).astype(bool).sum())
    yield _none("excitatory weights that changed", (weights[:, types] != excitation).sum())
    if constraints.allowed is not None:
        yield _none("inhibitory synapses where none may be", (~constraints.allowed & (weights < 0)).sum())
    if constraints.density is not None:
        count, wanted = int((inhibition < 0).sum()), round(constraints.density * inhibition.size)
        yield Check("inhibitory synapses", count, wanted, abs(count - wanted) <= 1)
    for name, rows in _groups(types, constraints):
        gamma = float(-inhibition[rows].mean() / weights[rows][:, types].mean())
        wanted = float(constraints.gamma or 0)
        yield Check(f"gamma, {name}", gamma, wanted, abs(gamma - wanted) <= GAMMA_TOLERANCE)


def _none(name: str, count: Any) -> Check:
    return Check(name, int(count), 0, int(count) == 0)


def _groups(types: np.ndarray, constraints: Constraints) -> Iterator[tuple[str, np.ndarray]]:
    if constraints.balance == "type":
        yield from (("excitatory targets", types), ("inhibitory targets", ~types))
    elif constraints.balance == "row":
        yield from ((f"row {i}", np.array([i])) for i in range(len(types)))
