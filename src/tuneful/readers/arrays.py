"""Arrays as datasets: plain ones, those in .npy and .npz files, and labelled ones of xarray."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tuneful.curves import DatasetError, make_dataset, validate
from tuneful.readers.names import Meaning, feature_name, meaning
from tuneful.readers.weights import read_arrays

RATES = (Meaning.RATE, Meaning.RATE_VAR, Meaning.N_TRIALS)
ADVICE = "name its dimensions, for example ('unit', 'size')"


def from_array(rates: Any, conditions: Any = None, **options: Any) -> xr.Dataset:
    """The validated dataset of an array (units, conditions); the rest as in `make_dataset`."""
    if not isinstance(rates, np.ma.MaskedArray) and hasattr(rates, "__array__"):
        rates = np.asarray(rates)
    if isinstance(rates, np.ndarray):
        _refuse_transposed(rates.shape, conditions or {})
    return make_dataset(rates, conditions or {}, **options)


def read_array(path: str | Path, **options: Any) -> xr.Dataset:
    """The validated dataset of a .npy or .npz file.

    A .npz holds ``rate`` (units, conditions), perhaps ``rate_var`` and ``n_trials``, and one-dimensional arrays:
    those with a value for every condition are features, those with a value for every unit are properties. Options
    as in `from_array` take precedence.

    Raises
    ------
    DatasetError
        If there are no rates, or it cannot be told to what an array belongs.
    """
    arrays = {str(name): np.asarray(values) for name, values in read_arrays(Path(path)).items()}
    named = {meaning(name): name for name in arrays if meaning(name) in (*RATES, Meaning.UNIT)}
    tables = [name for name, values in arrays.items() if values.ndim == 2]
    rate = named.get(Meaning.RATE) or (tables[0] if len(tables) == 1 else None)
    if rate is None:
        raise DatasetError(
            f"'{path}' has no array 'rate' (found: {', '.join(arrays) or 'nothing'}): save rates (units, conditions) "
            "under that name."
        )
    rates = arrays[rate]
    conditions, units = {}, {}
    for name, values in arrays.items():
        if name == rate or meaning(name) in (*RATES, Meaning.UNIT):
            continue
        target = conditions if _is_of_conditions(path, name, values, rates.shape) else units
        target["condition" if meaning(name) is Meaning.CONDITION else feature_name(name)] = _readable(values)
    given: dict[str, Any] = {"conditions": conditions, "units": units}
    for known in RATES[1:]:
        if known in named:
            given[str(known)] = arrays[named[known]]
    if Meaning.UNIT in named:
        given["unit_labels"] = _readable(arrays[named[Meaning.UNIT]])
    return from_array(rates, **given | options)


def from_data_array(array: xr.DataArray) -> xr.Dataset:
    """The validated dataset of a labelled array (unit, feature, ...), as pynapple's tuning curves are.

    Dimensions other than that of the units are features, and their combinations are the conditions. Coordinates along
    units are properties.

    Raises
    ------
    DatasetError
        If no dimension is that of units, or a feature has no values.

    >>> curves = xr.DataArray(np.ones((1, 2)), dims=("unit", "size"), coords={"unit": [7], "size": [0.5, 4.0]})
    >>> from_data_array(curves)["size"].values
    array([0.5, 4. ])
    """
    found = [dim for dim in map(str, array.dims) if meaning(dim) is Meaning.UNIT]
    if len(found) != 1 or array.ndim < 2:
        raise DatasetError(
            f"A DataArray with dimensions {tuple(map(str, array.dims))} has not one for units and one for "
            f"conditions: {ADVICE}."
        )
    array = array.rename({found[0]: "unit"} if found[0] != "unit" else {})
    others = [dim for dim in map(str, array.dims) if dim != "unit"]
    if others != ["condition"]:
        if absent := [dim for dim in others if dim not in array.coords]:
            raise DatasetError(f"The dimension '{absent[0]}' has no values: give it a coordinate of its own name.")
        array = _stacked(array, others)
    array = array.rename({name: new for name in map(str, array.coords) if (new := _renamed(array, name)) != name})
    plain = {key: value for key, value in array.attrs.items() if isinstance(value, str | int | float)}
    dataset = array.assign_attrs({}).to_dataset(name="rate").assign_attrs(plain)
    dataset["rate"].attrs = {}
    extra = [name for name in dataset.coords if not set(dataset[name].dims) <= {"unit", "condition"}]
    return validate(dataset.drop_vars([*extra, *(n for n in dataset.coords if dataset[n].ndim != 1)]))


def from_dataset(dataset: xr.Dataset) -> xr.Dataset:
    """A validated dataset; one with a single table under other dimensions is read as `from_data_array` does."""
    if "rate" in dataset and set(dataset["rate"].dims) != {"unit", "condition"} and len(dataset.data_vars) == 1:
        return from_data_array(dataset["rate"].assign_attrs(dataset.attrs))
    return validate(dataset)


def _stacked(array: xr.DataArray, dims: list[str]) -> xr.DataArray:
    """All dimensions but that of units as one, in the order of the array."""
    along = {str(name): c for name, c in array.coords.items() if "unit" not in c.dims and c.dims}
    grid = xr.broadcast(*(array.coords[dim] for dim in dims))
    values = {name: c.broadcast_like(grid[0]).transpose(*dims).values.ravel() for name, c in along.items()}
    rates = array.transpose("unit", *dims).values.reshape(array.sizes["unit"], -1)
    units = {str(name): ("unit", c.values) for name, c in array.coords.items() if c.dims == ("unit",)}
    coords = units | {name: ("condition", column) for name, column in values.items()}
    return xr.DataArray(rates, dims=("unit", "condition"), coords=coords, attrs=array.attrs)


def _renamed(array: xr.DataArray, name: str) -> str:
    return feature_name(name) if array.coords[name].dims == ("condition",) and name != "condition" else name


def _refuse_transposed(shape: tuple[int, ...], conditions: Mapping[str, Any]) -> None:
    lengths = {len(np.atleast_1d(np.asarray(values))) for values in conditions.values()}
    if len(shape) == 2 and lengths == {shape[0]} and shape[0] != shape[1]:
        raise DatasetError(
            f"The rates have shape {shape} and there are {shape[0]} conditions: units are rows and "
            "conditions are columns, so transpose them."
        )


def _is_of_conditions(path: str | Path, name: str, values: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether an array of a file has a value for every condition, and not one for every unit."""
    known = meaning(name)
    if len(shape) == 2 and values.shape in ((shape[0],), (shape[1],)):
        if shape[0] != shape[1]:
            return values.shape == (shape[1],)
        if known in (Meaning.FEATURE, Meaning.CONDITION) or known in (Meaning.SESSION, Meaning.PROPERTY):
            return known in (Meaning.FEATURE, Meaning.CONDITION)
    raise DatasetError(
        f"'{path}': it cannot be told whether '{name}' {values.shape} belongs to the units or to the "
        f"conditions of rates {shape}: load the arrays, and give conditions and units to tuneful.load."
    )


def _readable(values: np.ndarray) -> np.ndarray:
    return values.astype(str) if values.dtype.kind == "S" else values
