"""Which circuit predicts unseen curves better: scores of units, their differences, and what they allow to say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from tuneful.objectives import Generated, Measured
from tuneful.objectives.energy import energy_scores
from tuneful.objectives.feature_map import FeatureMap

BATCHES = 8  # of the generated curves, from whose scatter the error of the simulation is known
TOLD_APART = 2.0  # standard errors of a difference
LOG_ABOVE, RIDGE = 1.0, 0.1  # Hz, and of the mean variance


def common_view(data: Measured, is_rate: bool = True) -> FeatureMap:
    """How all circuits' curves are seen: whitened log(1 + r / 1 Hz), or whitened as they are if they are no rates."""
    return FeatureMap.of(data, whiten=True, ridge=RIDGE, log_above=LOG_ABOVE if is_rate else None)


@dataclass(frozen=True, eq=False)
class Scores:
    """The energy score of every unit under one circuit (`energy_scores`), the lower the better.

    by_unit
        (units,).
    by_batch
        The same from each part of the generated curves, (batches, units).
    """

    by_unit: Float[np.ndarray, " units"]
    by_batch: Float[np.ndarray, "batches units"]

    @classmethod
    def of(cls, generated: Generated, view: FeatureMap, data: Measured, labels: Int[np.ndarray, " units"]) -> Scores:
        """Score curves by the units, each by the curves of its label.

        Parameters
        ----------
        generated
            Of `BATCHES` times two realisations or more.
        view, data
            See `energy_scores`.
        labels
            The number of each unit's label in `generated`; anything where that has none.

        Raises
        ------
        ValueError
            If there are too few realisations that settled.
        """
        parts = [_score(part, view, data, labels) for part in in_batches(generated, BATCHES)]
        by_batch = np.stack(parts)
        return cls(by_batch.mean(axis=0), by_batch)

    def simulation_error(self, of: Sequence[int] | np.ndarray) -> float:
        """Standard error of the mean score of some units that is left by the number of generated curves."""
        means = self.by_batch[:, of].mean(axis=1)
        return float(means.std(ddof=1) / np.sqrt(len(means)))


def in_batches(generated: Generated, batches: int) -> list[Generated]:
    """The curves of realisations that settled in equal parts; what is left over is dropped.

    Raises
    ------
    ValueError
        If a part would have less than two realisations.
    """
    settled = np.flatnonzero(np.asarray(generated.realisation_weight) > 0)
    size = len(settled) // batches
    if size < 2:
        raise ValueError(
            f"Only {len(settled)} realisations settled, and scores need {2 * batches}: draw more curves, or choose "
            "parameters at which more of them settle."
        )
    cells = np.arange(generated.n_cells)
    rows = (settled[: size * batches, None] * generated.n_cells + cells).reshape(batches, -1)
    return [dataclasses.replace(generated, rates=generated.rates[r], weight=generated.weight[r]) for r in rows]


def _score(generated: Generated, view: FeatureMap, data: Measured, labels: np.ndarray) -> np.ndarray:
    if not generated.labels:
        return np.asarray(energy_scores(generated, view, data), float)
    every = {i: np.asarray(energy_scores(generated.of_label(i), view, data), float) for i in set(labels.tolist())}
    return np.array([every[label][unit] for unit, label in enumerate(labels)])


@dataclass(frozen=True)
class Difference:
    """Mean difference of scores, a - b, over units: negative where a predicts better.

    mean, error
        In the unit of the scores, with the standard error over units or clusters and of the simulation.
    """

    mean: float
    error: float

    @property
    def is_told_apart(self) -> bool:
        """Whether it is more than two standard errors from zero."""
        return abs(self.mean) > TOLD_APART * self.error

    def in_words(self, a: str, b: str) -> str:
        """What it allows to say of two circuits of these names.

        >>> Difference(-0.031, 0.006).in_words("ssn", "m1")
        'ssn predicts held-out curves better than m1: difference 0.031 ± 0.006.'
        """
        if not self.is_told_apart:
            return f"{a} and {b} cannot be told apart: difference {abs(self.mean):.2g} ± {self.error:.1g}."
        better, worse = (a, b) if self.mean < 0 else (b, a)
        digits = int(np.clip(-np.floor(np.log10(max(self.error, 1e-12))), 0, 6))
        size, error = f"{abs(self.mean):.{digits}f}", f"{self.error:.{digits}f}"
        return f"{better} predicts held-out curves better than {worse}: difference {size} ± {error}."


def difference(
    a: Float[np.ndarray, " units"],
    b: Float[np.ndarray, " units"],
    clusters: Int[np.ndarray, " units"] | None = None,
    simulation: float = 0.0,
) -> Difference:
    r"""Compare two circuits by their scores of the same units.

    The standard error is that of a mean of independent units, or of clusters c of units that vary together
    (sessions, animals): (C / (C - 1) sum_c (sum_{i in c} (d_i - d))^2)^(1/2) / n for d = a - b.

    Parameters
    ----------
    a, b
        Scores of the units.
    clusters
        The number of each unit's cluster.
    simulation
        Standard error of the difference that is due to the simulation, added in squares.

    >>> difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])).mean
    -2.0
    """
    apart = np.asarray(a, float) - np.asarray(b, float)
    error = standard_error(apart, clusters)
    return Difference(float(apart.mean()), float(np.hypot(error, simulation)))


def standard_error(values: Float[np.ndarray, " units"], clusters: Int[np.ndarray, " units"] | None = None) -> float:
    """Standard error of the mean of values over units, or over clusters of them; NaN for a single one."""
    number = np.arange(len(values)) if clusters is None else np.unique(clusters, return_inverse=True)[1].ravel()
    sums = np.bincount(number, weights=values - np.mean(values))
    return float(np.sqrt(len(sums) / (len(sums) - 1) * np.sum(sums**2)) / len(values)) if len(sums) > 1 else np.nan


def folds(
    n: int, k: int, rng: np.random.Generator, labels: Int[np.ndarray, " units"] | None = None
) -> Int[np.ndarray, " units"]:
    """Deal n units to k folds at random, those of each label evenly.

    >>> np.bincount(folds(10, 3, np.random.default_rng(0))).tolist()
    [4, 3, 3]
    """
    order = rng.permutation(n)
    if labels is not None:
        order = order[np.argsort(np.asarray(labels)[order], kind="stable")]
    found = np.zeros(n, int)
    found[order] = np.arange(n) % k
    return found


def verdict(scores: Mapping[str, np.ndarray], differences: Mapping[str, Difference]) -> str:
    """One sentence on which circuit predicts best.

    Parameters
    ----------
    scores
        By name of the circuit.
    differences
        Of every other circuit from the best, by its name: best minus other.
    """
    best = min(scores, key=lambda name: float(scores[name].mean()))
    if not differences:
        return f"{best} is alone: there is nothing to compare it with."
    if len(differences) == 1:
        return next(d.in_words(best, other) for other, d in differences.items())
    open_ = [other for other, d in differences.items() if not d.is_told_apart]
    if not open_:
        return f"{best} predicts held-out curves better than all others."
    return f"{best} has the best score, and cannot be told apart from {', '.join(open_)}."
