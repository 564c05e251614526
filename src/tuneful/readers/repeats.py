"""Repeated measurements of one unit in one condition: averaged where that is asked, and refused otherwise."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.readers.names import quoted

OFFER = "average them with --average (the option average=true)"


def numbered(keys: Mapping[str, np.ndarray], sort: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Number the distinct rows of columns, by first appearance or in their order.

    Parameters
    ----------
    keys
        Columns, name -> (rows,).
    sort
        Whether distinct rows are numbered in ascending order.

    Returns
    -------
    The number of every row, and where each number first appears.

    >>> numbered({"size": np.array([4.0, 1.0, 4.0])}, sort=True)
    (array([1, 0, 1]), array([1, 0]))
    """
    number = pd.DataFrame(keys).groupby(list(keys), sort=sort).ngroup().to_numpy()
    return number, np.unique(number, return_index=True)[1]


def placed(values: np.ndarray, place: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Values at their places in a table, NaN elsewhere, (units, conditions); `place` as in `averaged`."""
    table = np.full(shape, np.nan)
    table.flat[place] = values
    return table


def averaged(entries: dict[str, np.ndarray], place: np.ndarray, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Means, variances and numbers of trials, each (units, conditions).

    Trials without a rate do not count. The variance is that of single trials (divided by n - 1), NaN for one trial.

    Parameters
    ----------
    entries
        ``rate`` of every row, Hz.
    place
        Where a row belongs: unit * number of conditions + condition.
    shape
        (units, conditions).

    Raises
    ------
    DatasetError
        If the rows are averages already.
    """
    if given := [name for name in entries if name != "rate"]:
        raise DatasetError(
            f"Rows with '{given[0]}' are averages already and cannot be averaged again: remove that column, or the "
            "option average."
        )
    groups = pd.Series(entries["rate"]).groupby(place)
    tables = {"rate": groups.mean(), "rate_var": groups.var(ddof=1), "n_trials": groups.count().astype(float)}
    found = {name: placed(values.to_numpy(), values.index.to_numpy(), shape) for name, values in tables.items()}
    found["n_trials"][np.isnan(found["rate"])] = np.nan
    return found


def refuse_repeats(place: np.ndarray, labels: np.ndarray, keys: dict[str, np.ndarray], trials: Sequence[str]) -> None:
    """Refuse two measurements of one unit in one condition.

    Parameters
    ----------
    place
        As in `averaged`.
    labels
        Of the units of the rows.
    keys
        Features of the conditions of the rows.
    trials
        Columns that count repeats.

    Raises
    ------
    DatasetError
        If there are.
    """
    repeated = np.flatnonzero(pd.Series(place).duplicated())
    if not repeated.size:
        return
    second = repeated[0]
    first = np.flatnonzero(place == place[second])[0]
    where = ", ".join(f"{name}={values[second]}" for name, values in keys.items())
    trial = f", trials by '{trials[0]}'" if trials else ""
    feature = "add the feature that tells them apart"
    if trials:
        feature = f"say features={quoted(trials[0])} if it is a stimulus feature"
    raise DatasetError(
        f"Unit {str(labels[second])!r} has two rates for {where} (data rows {first + 1} and {second + 1}{trial}): "
        f"{OFFER}, or {feature}."
    )
