"""How far two sets of tuning curves are apart: Kolmogorov-Smirnov distances, and what to hold them against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tuneful.curves.schema import DatasetError
from tuneful.curves.statistics import Conditions, compute

LEVEL = 0.05  # of tests
FIVE_PERCENT = 1.358  # sqrt(-ln(0.05 / 2) / 2), the 95 % quantile of the Kolmogorov distribution


def is_rejected(p: float) -> bool:
    """Whether a hypothesis is rejected at 5 %: ranks among 19 sets can be 1 in 20, and no less.

    >>> is_rejected(0.05), is_rejected(0.051)
    (True, False)
    """
    return p <= LEVEL


@dataclass(frozen=True)
class Comparison:
    """Model against data in one statistic.

    Attributes
    ----------
    ks
        Kolmogorov-Smirnov distance between the two distributions, 0 to 1; NaN if either is empty.
    critical_value
        Of a test at 5 % for these numbers of curves: of two samples of one distribution, 95 % are closer.
    floor
        Mean distance between random halves of the data, as `floor` gives it: what chance alone makes of samples of
        half that size, and no bound for a model, which may well come closer.
    n_data, n_model
        Numbers of curves with a defined value. Several values of one curve (`rate` has one for every condition) are
        not independent, so curves are counted, not values; for such a statistic the critical value is a guide and
        not a test.
    """

    ks: float
    critical_value: float
    floor: float
    n_data: int
    n_model: int


def ks_distance(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"]) -> float:
    """Two-sample Kolmogorov-Smirnov distance max_v |F_a(v) - F_b(v)|.

    Parameters
    ----------
    a, b
        The samples, in any unit; NaN entries are dropped.

    Returns
    -------
    0 to 1; NaN if nothing is left of a sample.

    >>> ks_distance(np.array([1.0, 2.0, np.nan]), np.array([1.5, 3.5]))
    0.5
    """
    a, b = (np.sort(v[~np.isnan(v)]) for v in (np.asarray(a, dtype=float), np.asarray(b, dtype=float)))
    if not (len(a) and len(b)):
        return float("nan")
    everywhere = np.concatenate([a, b])  # the supremum is reached at a sample
    below_a = np.searchsorted(a, everywhere, side="right") / len(a)
    below_b = np.searchsorted(b, everywhere, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())


def critical_value(n: int, m: int) -> float:
    """The critical value of the two-sample Kolmogorov-Smirnov test at 5 %, 1.358 sqrt((n + m) / (n m)).

    Two samples of one distribution are farther apart in 5 % of cases (a little less: the value is that of large
    samples). Source: Smirnov (1948); Arakaki et al. (2017) judge their fits by it.

    Parameters
    ----------
    n, m
        Sizes of the samples.

    Returns
    -------
    A distance; NaN if a sample is empty.

    >>> round(critical_value(293, 100), 3)
    0.157
    """
    return FIVE_PERCENT * float(np.sqrt((n + m) / (n * m))) if n and m else float("nan")


def floor(
    rates: Float[np.ndarray, "curves conditions"],
    conditions: Conditions,
    name: str,
    seed: int | np.random.Generator,
    n_splits: int = 100,
) -> float:
    """Mean Kolmogorov-Smirnov distance of one statistic between random halves of a set of curves.

    What chance alone makes of samples of n/2 curves each: about 0.87 sqrt(4 / n) for a continuous statistic. It is no
    bound for a model. A perfect one, m of whose curves are held against m' measured ones, is about
    0.87 sqrt(1 / m + 1 / m') away, which is less where the samples are larger than the halves: the floor of 293 units
    is about .098, and 2,000 curves of a perfect model are about .073 from a held-out half of the units.

    Parameters
    ----------
    rates
        Rates in Hz, NaN where not measured; the halves hold n//2 and n - n//2 of the n curves.
    conditions
        Feature name -> values.
    name
        A key of `STATISTICS`.
    seed
        Draws the halves.
    n_splits
        How often the set is halved.

    Returns
    -------
    A distance, 0 to 1.

    Raises
    ------
    DatasetError
        If there is no split, or the statistic cannot be computed.

    >>> floor(np.ones((8, 2)), {}, "max_rate", seed=0, n_splits=3)
    0.0
    """
    if n_splits < 1:
        raise DatasetError(f"The floor needs at least one split, and n_splits is {n_splits}.")
    rng = np.random.default_rng(seed)
    values = compute(name, rates, conditions)
    half = len(values) // 2
    orders = (rng.permutation(len(values)) for _ in range(n_splits))
    return float(np.mean([ks_distance(values[o[:half]].ravel(), values[o[half:]].ravel()) for o in orders]))


def seen_through(
    rates_model: Float[np.ndarray, "n conditions"],
    observed_mask: Bool[np.ndarray, "m conditions"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "n conditions"]:
    """Model curves as the experiment would have seen them: each with the gaps of a measured unit.

    Parameters
    ----------
    rates_model
        Complete model curves in Hz.
    observed_mask
        True where a unit was measured.
    rng
        Draws the order of the units. The n curves cycle through all m units in random order, so that the
        patterns occur as often as in the data, to within one.

    Returns
    -------
    The curves with NaN where that unit was not measured.

    >>> mask = np.array([[True, False], [True, True]])
    >>> np.isnan(seen_through(np.ones((4, 2)), mask, np.random.default_rng(0))).sum(axis=0)
    array([0, 2])
    """
    n, m = len(rates_model), len(observed_mask)
    rounds = [rng.permutation(m) for _ in range(-(-n // m))]
    unit = np.concatenate([*rounds, np.empty(0, dtype=int)])[:n]
    return np.where(np.asarray(observed_mask, dtype=bool)[unit], rates_model, np.nan)


def compare(
    model_rates: Float[np.ndarray, "n conditions"],
    data_rates: Float[np.ndarray, "m conditions"],
    conditions: Conditions,
    names: Sequence[str],
    seed: int,
    floor_rates: Float[np.ndarray, "k conditions"] | None = None,
) -> dict[str, Comparison]:
    """Model curves against measured ones, in every named statistic.

    Parameters
    ----------
    model_rates
        Complete model curves in Hz; they are seen through the missing conditions of the data.
    data_rates
        Measured (held-out) curves in Hz, NaN where not measured.
    conditions
        Feature name -> values.
    names
        Statistics, keys of `STATISTICS`.
    seed
        Decides the masks and the random halves.
    floor_rates
        Curves whose halves give the floor; by default `data_rates`. All the data give the best estimate.

    Returns
    -------
    Name -> comparison, in the order of `names`.

    Raises
    ------
    DatasetError
        If a statistic is unknown or cannot be computed, or there are no curves.

    >>> rates = np.random.default_rng(0).exponential(10, (40, 3))
    >>> result = compare(rates[:20], rates[20:], {"size": np.array([1.0, 2, 4])}, ["max_rate"], seed=0)
    >>> result["max_rate"].n_data, result["max_rate"].ks < result["max_rate"].critical_value
    (20, True)
    """
    if not (len(model_rates) and len(data_rates)):
        raise DatasetError(f"Nothing to compare: {len(model_rates)} model curves, {len(data_rates)} measured ones.")
    mask_rng, floor_rng = np.random.default_rng(seed).spawn(2)
    seen = seen_through(model_rates, ~np.isnan(data_rates), mask_rng)
    halves = data_rates if floor_rates is None else floor_rates
    # Every statistic gets the same random halves, whichever others are asked for.
    floor_seed = int(floor_rng.integers(2**32))
    return {name: _compare_one(name, seen, data_rates, halves, conditions, floor_seed) for name in names}


def _compare_one(
    name: str, model: np.ndarray, data: np.ndarray, halves: np.ndarray, conditions: Conditions, seed: int
) -> Comparison:
    of_model, of_data = compute(name, model, conditions), compute(name, data, conditions)
    n_model, n_data = _curves_defined(of_model), _curves_defined(of_data)
    return Comparison(
        ks=ks_distance(of_model.ravel(), of_data.ravel()),
        critical_value=critical_value(n_data, n_model),
        floor=floor(halves, conditions, name, seed),
        n_data=n_data,
        n_model=n_model,
    )


def _curves_defined(values: np.ndarray) -> int:
    return int((~np.isnan(values)).reshape(len(values), -1).any(axis=1).sum())
