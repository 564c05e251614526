"""Datasets made by a circuit."""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.typing import ArrayLike

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.ensemble import CHUNK
from tuneful.circuits.keys import Key, as_key
from tuneful.circuits.observation import known_to, name_of, unit_of
from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.fitting.realisations import Realiser, answers
from tuneful.fitting.unconstrained import check_parameters, parameter_values
from tuneful.networks.arguments import shown
from tuneful.solvers import Status

if TYPE_CHECKING:
    import xarray as xr


def simulate(
    circuit: AbstractCircuit, n: int, key: Key, *, cells: Mapping[str, ArrayLike] | None = None, **attrs: Any
) -> xr.Dataset:
    """Draw n tuning curves as a dataset of the same form as measured ones.

    Curves of realisations that did not settle are left out; the attributes `rejected_fraction` and `outcomes` say how
    many, and why.

    Parameters
    ----------
    circuit
        The generator, at any parameters.
    n
        Number of curves, at least 1; several of one realisation if the circuit records several cells.
    key
        A random key of JAX, or a seed.
    cells
        Further properties of the recorded cells, name -> one value a cell, that units are given. Names, such as cell
        types, of which `populations` has several, are given anyway; places stand for each other unless they are asked
        for, `cells=circuit.populations()`.
    **attrs
        Further attributes of the dataset.

    Raises
    ------
    UserError
        If nothing settled, for a parameter beyond its range, and for arguments that are none.
    """
    if not isinstance(circuit, AbstractCircuit):
        given = f"the class {circuit.__name__} itself" if isinstance(circuit, type) else shown(circuit)
        raise UserError(f"Curves are drawn from a circuit, such as tuneful.circuits.SSN(), not from {given}.")
    if not isinstance(n, numbers.Integral) or n < 1:
        raise UserError(f"The number of curves must be a whole number, 1 or more, not {shown(n)}.")
    check_parameters(circuit)
    realisations = -(-int(n) // circuit.cells_per_realisation)
    drawn = answers(Realiser(circuit), as_key(key), realisations, size=min(realisations, CHUNK))
    accepted = np.repeat(drawn.accepted, drawn.rates.shape[1])
    curves = drawn.rates.reshape(-1, drawn.rates.shape[-1]).astype(float)[accepted][:n]
    own = _told_apart(circuit) | dict(cells or {})
    units = {name: np.tile(np.asarray(values), realisations)[accepted][:n] for name, values in own.items()}
    if not len(curves):
        raise UserError(
            f"None of {realisations} realisations of {name_of(circuit)} settled on finite rates at "
            f"{', '.join(f'{name} = {value}' for name, value in parameter_values(circuit).items())}: "
            "choose other parameters, such as smaller weights."
        )
    about = {
        "source": f"simulated: {name_of(circuit)}",
        "circuit": circuit.label,
        "parameters": json.dumps(parameter_values(circuit)),
        "rejected_fraction": float(1 - drawn.accepted.mean()),
        "outcomes": json.dumps(fractions(drawn.status)),
    }
    return make_dataset(curves, circuit.conditions(), units, **({"rate_unit": unit_of(circuit)} | about | attrs))


def _told_apart(circuit: AbstractCircuit) -> dict[str, np.ndarray]:
    """The properties by which recorded cells are told apart: names of which there are several."""
    own = {name: np.asarray(values) for name, values in circuit.populations().items()}
    return {name: values for name, values in own.items() if values.dtype.kind == "U" and len(np.unique(values)) > 1}


def fractions(status: np.ndarray) -> dict[str, float]:
    """Fractions of realisations by the status of their search for a steady state."""
    return {kind.name.lower(): float((status == kind).mean()) for kind in Status}


def true_values(dataset: xr.Dataset, circuit: AbstractCircuit) -> dict[str, Any]:
    """The parameters that a simulated dataset was made with, if it was made by this kind of circuit."""
    if dataset.attrs.get("circuit") != circuit.label:
        return {}
    return known_to(circuit, json.loads(dataset.attrs.get("parameters", "{}")))
