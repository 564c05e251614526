"""What to measure next: the conditions that tell most about the parameters of a circuit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from tuneful.analysis.curve_information import LOOK, information
from tuneful.objectives import Generated

PRIOR = 1.0  # unconstrained parameters are known to so much before: a factor of e of positive ones
GAIN = 1e-6  # of the criterion, below which nothing is exchanged


@dataclass(frozen=True, eq=False)
class Realised:
    """A circuit in all conditions that are or might be shown, simulated once.

    generated, tangents
        As `tuneful.fitting.linearised.realised_at` gives them.
    present
        The first so many conditions are shown already.
    shares
        The part of the units that each label has; (1,) where there are none.
    known
        Information that was computed, by the numbers of the conditions that are added, in order.
    on_found
        Called with this whenever there is more of it.
    """

    generated: Generated
    tangents: Float[jax.Array, "curves conditions n"]
    present: int
    shares: tuple[float, ...] = (1.0,)
    known: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict, repr=False)
    on_found: Callable[[Realised], object] = field(default=lambda _: None, repr=False)

    @property
    def candidates(self) -> range:
        """Numbers of the conditions that might be added."""
        return range(self.present, self.generated.rates.shape[-1])

    def per_curve(self, added: Sequence[int] = ()) -> Float[np.ndarray, "n n"]:
        """The information of one curve in the conditions that are shown and in those added (`information`)."""
        key = tuple(sorted(added))
        if key not in self.known:
            conditions = np.array([*range(self.present), *key])
            parts = [share * self._of_label(i, conditions) for i, share in enumerate(self.shares)]
            self.known[key] = np.sum(parts, axis=0)
            self.on_found(self)
        return self.known[key]

    def _of_label(self, label: int, conditions: np.ndarray) -> np.ndarray:
        generated, rows = self.generated.of_label(label), self.generated.rows(label)
        seen = dataclasses.replace(generated, rates=generated.rates[:, conditions])
        return information(seen, jnp.asarray(self.tangents)[rows][:, conditions], LOOK)


@dataclass(frozen=True)
class Criterion:
    r"""How well parameters are known from N curves of information J each: the mean logarithm of standard errors.

    Of chosen parameters, the mean of log (P^-1)_kk / 2 with P = N J + 1 / prior^2; of all, - log det P / (2 n), the
    same along the axes of P (D-optimal); of a prediction with slopes g in the parameters, log (g P^-1 g) / 2 (delta
    method). The prior, one logarithmic unit, keeps it finite where curves say nothing.

    units
        N.
    which
        Numbers of the chosen parameters; all if empty.
    along
        g, of the prediction that counts instead of parameters; empty if none does.
    """

    units: float
    which: tuple[int, ...] = ()
    along: tuple[float, ...] = ()

    def __call__(self, per_curve: Float[np.ndarray, "n n"]) -> float:
        """The criterion, the lower the better.

        >>> round(Criterion(99)(np.diag([1.0, 1.0])), 4), round(Criterion(99, (1,))(np.diag([0.0, 1.0])), 4)
        (-2.3026, -2.3026)
        >>> round(Criterion(99, along=(3.0, 0.0))(np.diag([1.0, 0.0])), 4)  # the logarithm of 3 / 10
        -1.204
        """
        values, axes = self._precision(per_curve)
        if self.along:
            return float(np.log(np.sum((np.array(self.along) @ axes) ** 2 / values)) / 2)
        if not self.which:
            return float(-np.log(values).mean() / 2)
        variances = (axes**2 / values).sum(axis=1)
        return float(np.log(variances[list(self.which)]).mean() / 2)

    def errors(self, per_curve: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
        """Standard errors of all parameters, unconstrained."""
        values, axes = self._precision(per_curve)
        return np.sqrt((axes**2 / values).sum(axis=1))

    def _precision(self, per_curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and eigenvectors of P; estimated information may be slightly negative where there is none."""
        values, axes = np.linalg.eigh(per_curve)
        return self.units * np.maximum(values, 0) + PRIOR**-2, axes


def ranked(realised: Realised, criterion: Criterion) -> list[tuple[int, float]]:
    """Every candidate alone, with the criterion of the experiment that has it as well, the best first."""
    found = [(i, criterion(realised.per_curve([i]))) for i in realised.candidates]
    return sorted(found, key=lambda pair: pair[1])


def best_conditions(realised: Realised, criterion: Criterion, n: int) -> list[int]:
    """Choose n candidates: one after the other, each the best beside those chosen, then by exchanges.

    As long as putting another candidate in the place of one that was chosen betters the criterion, that is done: the
    result cannot be bettered by any single exchange [Fedorov 1972].

    Raises
    ------
    ValueError
        For more than there are, or fewer than one.
    """
    if not 1 <= n <= len(realised.candidates):
        raise ValueError(f"{n} conditions cannot be chosen of {len(realised.candidates)} candidates.")
    chosen = list[int]()
    for _ in range(n):
        left = [i for i in realised.candidates if i not in chosen]
        chosen.append(min(left, key=lambda i: criterion(realised.per_curve([*chosen, i]))))
    best = criterion(realised.per_curve(chosen))
    while True:
        found, other = min(
            ((criterion(realised.per_curve(o)), o) for o in _exchanged(realised, chosen)), default=(best, chosen)
        )
        if found >= best - GAIN:
            return chosen
        best, chosen = found, other


def _exchanged(realised: Realised, chosen: list[int]) -> Iterator[list[int]]:
    for place in range(len(chosen)):
        for other in realised.candidates:
            if other not in chosen:
                yield [*chosen[:place], other, *chosen[place + 1 :]]


@dataclass(frozen=True)
class Plan:
    """An experiment of a given cost.

    conditions, units
        How many.
    criterion
        See `Criterion`.
    """

    conditions: int
    units: float
    criterion: float


def units_against_conditions(
    realised: Realised, criterion: Criterion, order: Sequence[int], cost_unit: float, cost_condition: float
) -> list[Plan]:
    """Plans of one cost: a unit costs `cost_unit`, and `cost_condition` more for every condition that it is shown.

    The cost is that of as many units as `criterion` has in all conditions, those of `order` included. With fewer of
    these, the first ones, there are more units.

    Raises
    ------
    ValueError
        For negative costs, and where nothing costs anything.
    """
    if min(cost_unit, cost_condition) < 0 or cost_unit + cost_condition <= 0:
        raise ValueError(f"Costs must not be negative, nor both zero, and are {cost_unit} and {cost_condition}.")

    def each(conditions: int) -> float:
        return cost_unit + cost_condition * conditions

    whole = criterion.units * each(realised.present + len(order))
    plans = []
    for k in range(len(order) + 1):
        units = whole / each(realised.present + k)
        value = dataclasses.replace(criterion, units=units)(realised.per_curve(order[:k]))
        plans.append(Plan(realised.present + k, units, value))
    return plans
