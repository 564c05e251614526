"""The curves that a configuration names: read, or simulated, and proven to be those that were meant."""

import hashlib
from collections.abc import Collection

import jax
import numpy as np
import xarray as xr

from tuneful.circuits import AbstractCircuit
from tuneful.circuits.base import KnowsTruth
from tuneful.circuits.observation import name_of
from tuneful.curves.labels import COMPARED_AS
from tuneful.curves.resampling import resampled
from tuneful.errors import UserError
from tuneful.fitting.checks import check_size
from tuneful.fitting.simulation import simulate
from tuneful.fitting.unconstrained import parameter_values
from tuneful.readers import load
from tuneful.registry import build, circuits, modern_names
from tuneful.runs.configuration import DataSettings, RunConfig

SIMULATION_SEED = 20170417  # of the curves that are simulated when no data are given; not the seed of the fit


def curves_of(config: RunConfig) -> tuple[xr.Dataset, DataSettings]:
    """The curves of a configuration, and where they come from, with their name and digest.

    Raises
    ------
    UserError
        If there are none, or others than the digest says.
    """
    data = config.data
    if data.path is None:
        truth = at_known_truth(build("circuit", circuits(), circuit_of_truth(config)), config.data.truth)
        truth = config.observed(truth)
        check_size(truth, {"data.simulate": data.simulate})
        dataset = simulate(truth, data.simulate, jax.random.key(SIMULATION_SEED))
        name = f"{data.simulate} curves simulated from {name_of(truth)} at known parameters"
        return sample_of(dataset, data), data.model_copy(update={"name": name})
    return proven(read_curves(data), data)


def read_curves(data: DataSettings) -> xr.Dataset:
    """The measured curves that settings name, before any of them are drawn again."""
    assert data.path is not None
    return load(data.path, **data.options).drop_vars(["held_out", COMPARED_AS], errors="ignore")  # of a run


def sample_of(dataset: xr.Dataset, data: DataSettings) -> xr.Dataset:
    """The bootstrap sample that settings ask for, or the curves themselves."""
    return dataset if data.resample is None else resampled(dataset, **data.resample.model_dump())


def proven(dataset: xr.Dataset, data: DataSettings) -> tuple[xr.Dataset, DataSettings]:
    """Measured curves as they are fitted, and their settings with name and digest.

    Raises
    ------
    UserError
        If the digest says otherwise.
    """
    dataset = sample_of(dataset, data)
    found = digest(dataset)
    if data.sha256 not in (None, found):
        raise UserError(f"The curves in {data.path} are not those of this configuration (another data.sha256).")
    return dataset, data.model_copy(update={"name": data.name or data.path, "sha256": found})


def circuit_of_truth(config: RunConfig) -> dict:
    """Settings of the circuit that simulated curves are of."""
    return modern_names("circuit", circuits(), config.circuit | config.data.truth)


def at_known_truth(circuit: AbstractCircuit, given: Collection[str] = ()) -> AbstractCircuit:
    """The circuit at the parameters that demonstrations take for true; those that are given stay as they are."""
    known = parameter_values(circuit.at_truth() if isinstance(circuit, KnowsTruth) else circuit.example())
    taken = [name for name in circuit.parameters() if name in known and name not in given]
    return circuit.with_values({name: known[name] for name in taken})


def digest(dataset: xr.Dataset) -> str:
    """SHA-256 of what is measured: rates, labels, conditions and their names, whatever file they came from.

    >>> from tuneful.curves import make_dataset
    >>> one, other = make_dataset([[1.0, 2.0]], {"size": [0.5, 4]}), make_dataset([[1, 2]], {"size": [0.5, 4]})
    >>> digest(one) == digest(other)
    True
    """
    total = hashlib.sha256()
    for name in sorted(map(str, dataset.variables)):
        values = np.asarray(dataset[name].values)
        is_number = values.dtype.kind in "biuf"
        content = (
            np.ascontiguousarray(values, np.float64).tobytes()
            if is_number
            else repr(values.astype(str).tolist()).encode()
        )
        total.update(repr((name, dataset[name].dims, values.shape)).encode() + content)
    total.update(repr(list(np.atleast_1d(dataset.attrs.get("statistics", [])))).encode())
    return total.hexdigest()
