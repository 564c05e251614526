"""Which measured units were drawn together: those of a session, or of an animal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneful.curves.labels import COMPARED_AS
from tuneful.curves.schema import unit_properties
from tuneful.errors import UserError, suggest

if TYPE_CHECKING:
    import xarray as xr
    from jaxtyping import Float, Int

    from tuneful.fitting.fits import FitTask

FEWEST = 5  # clusters: a covariance from fewer says little of itself


def clusters_of(task: FitTask, name: str | None) -> Int[np.ndarray, " units"]:
    """Number the clusters of the fitted units, in the order in which an objective has these.

    Parameters
    ----------
    task
        Of the fit.
    name
        The property of units that those of a cluster share; None: every unit is one.

    Raises
    ------
    UserError
        For a property that units do not have, and for fewer than five clusters.
    """
    rows = fitted_units(task)
    if name is None:
        return np.arange(len(rows))
    there = own_properties(task.dataset)
    if name not in there:
        known = suggest(name, there) if there else " They have none."
        raise UserError(f"clusters: units have no property {name!r}.{known}")
    names, number = np.unique(np.asarray(there[name])[rows].astype(str), return_inverse=True)
    if len(names) < FEWEST:
        raise UserError(
            f"clusters: the fitted units are of {len(names)} different {name}, and an error that is estimated from "
            f"fewer than {FEWEST} clusters means little: choose another property, or none, and say so."
        )
    return number.ravel()


def own_properties(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    """The properties of units by which they might be drawn together: not those that a fit gave them."""
    return {
        name: values for name, values in unit_properties(dataset).items() if name not in ("held_out", COMPARED_AS)
    }


def fitted_units(task: FitTask) -> Int[np.ndarray, " units"]:
    """The rows of the dataset that a fit sees, in the order in which an objective has them: label after label."""
    labels, aside = task.held_out.matching.units, task.dataset["held_out"].values
    rows = np.flatnonzero((labels >= 0) & ~aside)
    return rows[np.argsort(labels[rows], kind="stable")] if task.problem.data.counts else rows


def summed(
    scores: Float[np.ndarray, "units n"], clusters: Int[np.ndarray, " units"]
) -> Float[np.ndarray, "clusters n"]:
    """Sums over the units of each cluster, about their mean.

    >>> summed(np.array([[1.0], [2.0], [3.0]]), np.array([0, 0, 1])).tolist()
    [[0.0], [0.0]]
    """
    found = np.zeros((clusters.max() + 1, scores.shape[1]))
    np.add.at(found, clusters, scores)
    return found - found.mean(axis=0)
