"""Checks of a finished circuit against what was asked for, independent of the code that kept the constraints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneful.display import Table
from tuneful.networks.random_weights import RandomNetwork
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
    yield from _balance(weights, types, constraints)


def _balance(weights: np.ndarray, types: np.ndarray, constraints: Constraints) -> Iterator[Check]:
    """Ratios of mean inhibition to mean excitation; of single rows, the one that is farthest off."""
    if constraints.balance is None or constraints.gamma is None:
        return
    wanted, of_rows = constraints.gamma, [weights[:, cells].mean(axis=1) for cells in (types, ~types)]
    with np.errstate(divide="ignore", invalid="ignore"):  # a network that was left as it is may lack excitation
        if constraints.balance == "row":
            ratios = -of_rows[1] / of_rows[0]
            gammas = {"gamma, farthest row": ratios[np.argmax(abs(ratios - wanted))]}
        else:
            groups = {"gamma, excitatory targets": types, "gamma, inhibitory targets": ~types}
            gammas = {name: -of_rows[1][rows].mean() / of_rows[0][rows].mean() for name, rows in groups.items()}
    for name, gamma in gammas.items():
        yield Check(name, float(gamma), wanted, bool(abs(gamma - wanted) <= GAMMA_TOLERANCE))


def _none(name: str, count: Any) -> Check:
    return Check(name, int(count), 0, int(count) == 0)


def checks_table(checks: Sequence[Check]) -> Table:
    """What notebooks show of checks."""
    rows = [(check.name, check.value, check.wanted, "holds" if check.holds else "violated") for check in checks]
    return ("check", "value", "wanted", ""), rows
