"""Datasets made by a circuit."""

import json
from typing import Any

import equinox as eqx
import numpy as np
import xarray as xr
from jax import Array

from tuneful.circuits import AbstractCircuit
from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.solvers import Status


def simulate(circuit: AbstractCircuit, n: int, key: Array, **attrs: Any) -> xr.Dataset:
    """Draw n tuning curves as a dataset of the same form as measured ones.

    Curves of realisations that did not settle are left out; the attributes `rejected_fraction` and `outcomes` say how
    many, and why.

    **Raises:** `UserError` if nothing settled.
    """
    realisations = -(-n // circuit.cells_per_realisation)
    response = _sample(circuit, key, realisations)
    accepted = np.asarray(response.accepted)
    curves = np.asarray(response.curves, float)[accepted][:n]
    if not len(curves):
        raise UserError(
            f"None of {realisations} realisations of {type(circuit).__name__} settled on finite rates at "
            f"{', '.join(f'{name} = {value}' for name, value in natural_values(circuit).items())}: "
            "choose other parameters, such as smaller weights."
        )
    about = {
        "source": f"simulated: {type(circuit).__name__}",
        "circuit": circuit.label,
        "parameters": json.dumps(natural_values(circuit)),
        "rejected_fraction": float(1 - accepted.mean()),
        "outcomes": json.dumps(outcomes(np.broadcast_to(response.status, (realisations,)))),
    }
    return make_dataset(curves, circuit.conditions(), **(about | attrs))


def outcomes(status: np.ndarray) -> dict[str, float]:
    """Fractions of realisations by the status of their search for a steady state."""
    return {kind.name.lower(): float((status == kind).mean()) for kind in Status}


@eqx.filter_jit
def _sample(circuit: AbstractCircuit, key: Array, realisations: int) -> Any:
    return circuit.sample(key, realisations)


def natural_values(circuit: AbstractCircuit) -> dict[str, Any]:
    """The values of all parameters as plain numbers or lists."""
    return {name: np.asarray(getattr(circuit, name)).astype(float).tolist() for name in circuit.parameters()}


def true_values(dataset: xr.Dataset, circuit: AbstractCircuit) -> dict[str, Any]:
    """The parameters that a simulated dataset was made with, if it was made by this kind of circuit."""
    if dataset.attrs.get("circuit") != circuit.label:
        return {}
    return json.loads(dataset.attrs.get("parameters", "{}"))
