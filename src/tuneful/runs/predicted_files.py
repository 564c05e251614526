"""What predictions take from the folder of a run, and leave in it for a design."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from tuneful.fitting.unconstrained import unconstrained_values
from tuneful.runs.estimator import Fit
from tuneful.runs.folder import INFERENCE_DRAWS, PREDICTIONS, PREDICTIONS_DRAWS, RunFolder
from tuneful.runs.inference_files import answer_of


def read_draws(folder: RunFolder, n: int) -> list[dict[str, np.ndarray]]:
    """The first draws of the inference in a folder: values of parameters by name, in own units."""
    with xr.open_dataset(folder.path / INFERENCE_DRAWS, group="posterior", engine="h5netcdf") as dataset:
        draws = dataset.isel(chain=0).load()
    return [
        {str(name): draws[name].values[i] for name in draws.data_vars} for i in range(min(n, draws.sizes["draw"]))
    ]


def predicted_names(folder: RunFolder, result: dict[str, Any]) -> list[str]:
    """Names of what was predicted of this very answer, number by number; none if nothing was."""
    if not folder.has(PREDICTIONS):
        return []
    table = folder.read_json(PREDICTIONS)
    return [row["name"] for row in table["rows"]] if table.get("fitted") == answer_of(result) else []


def values_at_draws(
    folder: RunFolder, fit: Fit, name: str
) -> tuple[Float[np.ndarray, "draws n"], Float[np.ndarray, " draws"]]:
    """Unconstrained parameters, in a row, at the draws of a prediction, and what is predicted there."""
    rows = folder.read_json(PREDICTIONS)["rows"]
    quantity = next(row["quantity"] for row in rows if row["name"] == name)
    number = [row["name"] for row in rows if row["quantity"] == quantity].index(name)
    with xr.open_dataset(folder.path / PREDICTIONS_DRAWS, engine="h5netcdf") as dataset:
        values = dataset[quantity].values
    fitted = fit.task_.problem.fitted
    points = [
        ravel_pytree(unconstrained_values(fit.circuit_.with_values(draw), fitted))[0]
        for draw in read_draws(folder, len(values))
    ]
    return np.asarray(points, float), values.reshape(len(values), -1)[:, number]
