"""Bootstrap samples of measured units, drawn with replacement: one by one, or whole groups of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from tuneful.curves.schema import DRAWN_FROM, DatasetError, unit_properties
from tuneful.curves.validation import validate
from tuneful.errors import suggest

if TYPE_CHECKING:
    import xarray as xr
    from jaxtyping import Int

STREAM = 2**21  # of random numbers, beside those of fits and of draws


def resampled(dataset: xr.Dataset, seed: int, number: int, by: str | None = None) -> xr.Dataset:
    """As many units as there are, drawn with replacement (Efron 1979); or as many groups of units.

    Parameters
    ----------
    dataset
        Valid curves.
    seed, number
        Decide the sample: samples of one seed are numbered, and independent of each other.
    by
        The property that the units of a group share, ``session`` for example: groups are drawn whole (Davison and
        Hinkley 1997, section 3.8). None: every unit is one.

    Returns
    -------
    The dataset of the drawn units; a further copy of unit ``u3`` is called ``u3 #2``. The property ``drawn_from`` of
    both is ``u3``, so that `split` keeps them on one side.

    Raises
    ------
    DatasetError
        If units have no such property, or if a condition was measured in none of the drawn units.

    >>> from tuneful.curves import make_dataset
    >>> resampled(make_dataset([[1.0], [2.0], [3.0]], {"size": [1]}), seed=0, number=2)["unit"].values.tolist()
    ['u1', 'u1 #2', 'u2']
    """
    rows = _drawn(_groups(dataset, by), np.random.default_rng([STREAM, seed, number]))
    drawn = dataset["unit"].values[rows]
    seen: Counter[str] = Counter()
    labels = []
    for label in drawn.tolist():
        seen[label] += 1
        labels.append(label if seen[label] == 1 else f"{label} #{seen[label]}")
    sample = dataset.isel(unit=rows).assign_coords({"unit": np.array(labels), DRAWN_FROM: ("unit", drawn)})
    return validate(sample)


def _groups(dataset: xr.Dataset, by: str | None) -> Int[np.ndarray, " units"]:
    """The number of the group of every unit."""
    if by is None:
        return np.arange(dataset.sizes["unit"])
    there = unit_properties(dataset)
    if by not in there:
        known = suggest(by, there) if there else " They have none."
        raise DatasetError(f"Units cannot be drawn by {by!r}, a property that they do not have.{known}")
    return np.unique(there[by].astype(str), return_inverse=True)[1].ravel()


def _drawn(groups: Int[np.ndarray, " units"], rng: np.random.Generator) -> Int[np.ndarray, " drawn"]:
    chosen = np.sort(rng.integers(groups.max() + 1, size=groups.max() + 1))
    return np.concatenate([np.flatnonzero(groups == group) for group in chosen])
