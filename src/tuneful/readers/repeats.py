"""Repeated measurements of one unit in one condition: averaged where that is asked, and refused otherwise."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError

OFFER = "average them with --average (the option average=true)"


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
    raise DatasetError(
        f"Unit {str(labels[second])!r} has two rates for {where} (data rows {first + 1} and {second + 1}{trial}): "
        f"{OFFER}, or add the feature that tells them apart."
    )
