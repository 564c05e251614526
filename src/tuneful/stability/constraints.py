"""What inhibition must obey: its sign, its balance with excitation, its density, and where it may be.

All functions work on the inhibitory columns of the weight matrix, an array (N, inhibitory cells) that is <= 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from tuneful.networks.arguments import check_counts, check_numbers
from tuneful.networks.random_weights import as_mask

LARGEST_GAMMA = 1e6  # and one over it the smallest: beyond, rounding takes the weaker of the two sides
Balance = Literal["type", "row"] | None
Sparsity = Literal["strongest", "replace"]


@dataclass(frozen=True)
class Constraints:
    """What is asked of the inhibitory weights; the arguments of `stabilize` of the same names."""

    gamma: float | None
    density: float | None
    balance: Balance
    sparsity: Sparsity
    self_connections: bool
    allowed: np.ndarray | None
    seed: int | None

    def __post_init__(self) -> None:
        """Refuse what no network can satisfy."""
        if self.balance not in ("type", "row", None) or self.sparsity not in ("strongest", "replace"):
            raise ValueError(
                "balance must be 'type', 'row' or None and sparsity 'strongest' or 'replace', not "
                f"{self.balance!r} and {self.sparsity!r}."
            )
        check_numbers(or_none=("gamma", "density"), gamma=self.gamma, density=self.density)
        check_counts(or_none=("seed",), seed=self.seed)
        if self.balance is not None and not (
            self.gamma is not None and 1 / LARGEST_GAMMA <= self.gamma <= LARGEST_GAMMA
        ):
            raise ValueError(
                f"gamma must be positive, up to {LARGEST_GAMMA:g}, not {self.gamma}; for inhibition without it, set "
                "balance=None."
            )
        if self.density is not None and not 0 < self.density <= 1:
            raise ValueError(f"density must be in (0, 1], or None for no constraint, not {self.density}.")
        if self.sparsity == "replace" and (self.seed is None or self.density is None):
            raise ValueError("sparsity='replace' needs a density, and a seed for the random places.")

    def places(self, inhibitory: np.ndarray, n: int) -> np.ndarray:
        """Where synapses may be in the inhibitory columns: (N, inhibitory cells), bool."""
        if self.allowed is None:
            places = np.ones((n, len(inhibitory)), bool)
        else:
            places = as_mask(self.allowed, n)[:, inhibitory]
        if not self.self_connections:
            places[inhibitory, np.arange(len(inhibitory))] = False
        return places


@dataclass(frozen=True)
class InhibitoryConstraints:
    """The set of admissible inhibitory weights, and the way back into it.

    allowed
        (N, inhibitory cells), bool: where synapses may be.
    quotas
        How many synapses every group of rows holds, or None for no constraint on density: pairs (rows, count).
    groups
        (N,), int: rows with the same number are balanced together; empty for no balance.
    wanted
        (groups,): sums of the inhibitory weights of the groups, <= 0.
    sparsity
        "strongest": the strongest synapses stay. "replace": a silenced synapse moves to a random silent place.
    strength
        Typical strength of a synapse, > 0: the scale of faint ones.
    seed
        For "replace".
    faint
        Weight of a synapse without strength of its own, as a fraction of the typical strength.
    """

    allowed: Bool[np.ndarray, "n inhibitory"]
    quotas: tuple[tuple[slice, int], ...] | None
    groups: Int[np.ndarray, "..."]
    wanted: Float[np.ndarray, " groups"]
    sparsity: Sparsity
    strength: float
    seed: int | None
    faint: float = 1e-3

    def project(self, raw: np.ndarray, current: np.ndarray, step: int) -> np.ndarray:
        """Bring proposed weights back into the set.

        Parameters
        ----------
        raw
            Proposed weights, any sign.
        current
            Weights before the proposal: its synapses are the ones that "replace" knows.
        step
            Decides, with the seed, the random places.
        """
        if self.quotas is None:
            return self.balance(np.where(self.allowed, np.minimum(raw, 0), 0))
        faint = -self.faint * self.strength
        weights = np.zeros_like(raw)
        for number, (rows, count) in enumerate(self.quotas):
            if self.sparsity == "strongest":
                chosen = self._strongest(raw[rows], self.allowed[rows], count)
            else:
                rng = np.random.default_rng([self.seed or 0, step, number])
                alive = (current[rows] < 0) & (raw[rows] < faint) & self.allowed[rows]
                chosen = self._with_newcomers(alive, self.allowed[rows], count, rng)
            weights[rows].flat[chosen] = np.minimum(raw[rows].flat[chosen], faint)
        return self.balance(weights)

    def admit(self, start: np.ndarray) -> np.ndarray:
        """Bring the weights that a descent starts from into the set."""
        return self.project(start, start, 0)

    def balance(self, weights: np.ndarray) -> np.ndarray:
        """Rescale every group of rows so that its weights have the wanted sum."""
        if not len(self.groups):
            return weights
        sums = np.bincount(self.groups, weights.sum(axis=1), len(self.wanted))
        factor = np.divide(self.wanted, sums, out=np.ones_like(sums), where=sums < 0)
        return weights * factor[self.groups, None]

    @staticmethod
    def _strongest(raw: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
        """Places of the `count` lowest weights; those above zero follow in order, so that the count is exact."""
        values = np.where(allowed, raw, np.inf).ravel()
        return np.argpartition(values, count - 1)[:count]

    @staticmethod
    def _with_newcomers(alive: np.ndarray, allowed: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Places of the synapses that are alive, and random others up to the count."""
        kept = np.flatnonzero(alive)
        silent = np.flatnonzero(allowed & ~alive)
        if len(kept) > count:
            return rng.permutation(kept)[:count]
        return np.concatenate([kept, rng.permutation(silent)[: count - len(kept)]])


@dataclass(frozen=True)
class NoConstraints:
    """Inhibition as it is: that of a network which is left unchanged."""

    def admit(self, start: np.ndarray) -> np.ndarray:
        """The network as it is."""
        return start

    def project(self, raw: np.ndarray, current: np.ndarray, step: int) -> np.ndarray:
        """Proposed weights are taken."""
        return raw


@dataclass(frozen=True)
class PublishedConstraints:
    """The projection of the published code, its quirks included, for comparison.

    Balance comes first, so that pruning changes it; self-connections count as synapses until they are removed at the
    very end; and one synapse fewer than the density says is kept. Ties are broken in the order of columns.
    """

    inhibitory: Int[np.ndarray, " inhibitory"]  # their rows
    balance: Callable[[np.ndarray], np.ndarray]
    density: float

    def admit(self, start: np.ndarray) -> np.ndarray:
        """The published descent starts from the network as it is."""
        return start

    def project(self, raw: np.ndarray, current: np.ndarray, step: int) -> np.ndarray:
        """Clip, balance, prune, remove self-connections: in this order."""
        weights = self.balance(np.minimum(raw, 0)).ravel(order="F")
        dropped = np.argsort(weights, kind="stable")[round(self.density * weights.size) - 1 :]
        weights[dropped] = 0
        weights = weights.reshape(raw.shape, order="F")
        weights[self.inhibitory, np.arange(len(self.inhibitory))] = 0
        return weights


def balanced_groups(
    weights: np.ndarray, excitatory: np.ndarray, gamma: float | None, balance: Balance
) -> tuple[np.ndarray, np.ndarray]:
    """Groups of rows, and the sum of inhibitory weights of each that is -gamma times mean excitation.

    Means are over all places of a block, silent ones included [Hennequin et al. 2014].

    >>> weights = np.array([[0.0, -1.0], [2.0, 0.0]])
    >>> balanced_groups(weights, np.array([True, False]), 3.0, "row")
    Traceback (most recent call last):
    ValueError: Row 0 has no excitatory input, so inhibition cannot be balanced with it: use another balance.
    """
    n = len(weights)
    if balance is None or gamma is None:
        return np.empty(0, int), np.empty(0)
    groups = np.arange(n) if balance == "row" else np.where(excitatory, 0, 1)
    excitation = np.bincount(groups, weights[:, excitatory].sum(axis=1), groups.max() + 1)
    if not (excitation > 0).all():
        name = f"Row {np.argmin(excitation)} has" if balance == "row" else "All cells of one type together have"
        raise ValueError(
            f"{name} no excitatory input, so inhibition cannot be balanced with it: use another balance."
        )
    return groups, -gamma * excitation * (~excitatory).sum() / excitatory.sum()


def synapse_quotas(allowed: np.ndarray, density: float, balance: Balance) -> tuple[tuple[slice, int], ...]:
    """How many synapses to keep: round(density x places) in all; with balance per row, evenly over the rows.

    A row that is balanced by itself must keep synapses of its own. Places are all entries of the inhibitory columns.

    >>> synapse_quotas(np.ones((2, 3), bool), 0.5, "row")
    ((slice(0, 1, None), 2), (slice(1, 2, None), 1))
    """
    n, columns = allowed.shape
    if balance == "row":
        ends = [round(density * columns * rows) for rows in range(n + 1)]
        quotas = tuple((slice(i, i + 1), ends[i + 1] - ends[i]) for i in range(n))
    else:
        quotas = ((slice(0, n), round(density * allowed.size)),)
    for rows, count in quotas:
        room = int(allowed[rows].sum())
        if not 0 < count <= room:
            where = f"row {rows.start}" if balance == "row" else "the inhibitory columns"
            raise ValueError(
                f"density = {density:g} asks for {count} synapses in {where}, where 1 to {room} are possible: change "
                "the density, or allow more places."
            )
    return quotas
