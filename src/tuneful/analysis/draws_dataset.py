"""Draws of parameters as a labelled dataset, in the form that ArviZ reads."""

import numpy as np
import xarray as xr
from jaxtyping import Float

from tuneful.analysis.coordinates import Coordinates


def draws_dataset(coordinates: Coordinates, draws: Float[np.ndarray, "draws n"], method: str) -> xr.Dataset:
    """Put draws of unconstrained parameters, in own units, into one variable a parameter.

    Dimensions are ``chain`` (one), ``draw``, and of an array ``J_dim_0``, ``J_dim_1``, as ArviZ names them.
    """
    own, variables = coordinates.own(draws), {}
    for name, values in coordinates.shaped(own.T).items():
        dims = ("chain", "draw", *(f"{name}_dim_{i}" for i in range(values.ndim - 1)))
        variables[name] = (dims, np.moveaxis(values, -1, 0)[None], {"units": coordinates.parameters[name].unit})
    coords = {"chain": [0], "draw": np.arange(len(own))}
    return xr.Dataset(variables, coords, {"created_by": "tuneful", "method": method})
