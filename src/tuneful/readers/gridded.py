"""Labelled arrays of xarray with a dimension for units and one for every feature, as pynapple has tuning curves.

`compute_tuning_curves` gives (unit, feature, ...) over bins, with ``occupancy`` (samples in each bin), ``bin_edges``
and ``fs`` (samples per second) as attributes; `compute_response_per_epoch` gives (unit, epochs) with labels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, make_dataset, unit_properties, validate
from tuneful.curves import features as features_of
from tuneful.curves.schema import OCCUPANCY, unit_called
from tuneful.readers.columns import as_text, is_int64
from tuneful.readers.delimited import FEATURE_HEADER
from tuneful.readers.names import Meaning, feature_name, meaning
from tuneful.readers.reading import Reading
from tuneful.readers.wide import decoded

ADVICE = "name its dimensions, for example ('unit', 'size')"
EPOCHS = "epochs"  # what pynapple calls the dimension of labels
UNNAMED = "__xarray_dataarray_variable__"  # an array without a name in a file
LARGEST = 10**7  # cells of a grid


@dataclass(frozen=True)
class Grid:
    """Rates (units, bins), what tells the bins apart, (bins,), and in how many samples each was seen, if known."""

    rates: np.ndarray
    conditions: dict[str, np.ndarray]
    occupancy: np.ndarray | None


def from_data_array(array: xr.DataArray, features: str | Sequence[str] = (), rate_unit: str | None = None) -> Reading:
    """The validated dataset of a labelled array (unit, feature, ...).

    Combinations of all dimensions but that of units are the conditions: numbers are features, text is a label.
    Coordinates along units are properties. Bins that were not visited (``occupancy`` 0, or no rate in any unit) are
    no conditions, which is noted.

    Parameters
    ----------
    array
        Rates in Hz, or in what its attribute ``units`` says.
    features
        Names for the dimensions of the features, in their order, if those of the array do not tell.
    rate_unit
        "Hz", "events" or "a.u.".

    Raises
    ------
    DatasetError
        If no dimension is that of units, a feature has no values, or the values are counts of spikes.

    >>> curves = xr.DataArray(np.ones((1, 2)), dims=("unit", "size"), coords={"unit": [7], "size": [0.5, 4.0]})
    >>> from_data_array(curves).dataset["size"].values
    array([0.5, 4. ])
    """
    array = _with_names(_with_units_first(array), features)
    grid, notes = _grid(array)
    _refuse_counts(array, grid)
    visited = np.asarray(~np.isnan(grid.rates).all(axis=0))
    if grid.occupancy is not None:
        visited &= np.nan_to_num(grid.occupancy) > 0
    if not visited.any():
        raise DatasetError("No bin of the array was visited: every rate is NaN, or the occupancy is 0 everywhere.")
    if not visited.all():
        gone, n = int((~visited).sum()), len(visited)
        notes.append(f"{gone} of {n} combinations of features were not visited, and are no conditions.")
    if unnamed := [name for name in grid.conditions if name.isdigit()]:
        notes.append(f"Feature '{unnamed[0]}' has no name of its own: say features=direction, or what it is.")
    of_units = {str(name): c.values for name, c in array.coords.items() if c.dims == ("unit",) and name != "unit"}
    plain = {k: v for k, v in array.attrs.items() if isinstance(v, str | int | float) and k != "units"}
    dataset = make_dataset(
        grid.rates[:, visited],
        {name: values[visited] for name, values in grid.conditions.items()},
        of_units,
        array["unit"].values if "unit" in array.coords else None,
        rate_unit=rate_unit or unit_called(str(array.attrs.get("units", "Hz"))),
    ).assign_attrs(plain)
    if grid.occupancy is not None:
        dataset[OCCUPANCY] = ("condition", grid.occupancy[visited])
    return Reading(*_described(dataset, array), notes=notes)


def from_dataset(dataset: xr.Dataset) -> Reading | xr.Dataset:
    """A validated dataset; one with a single table under other dimensions is read as `from_data_array` does."""
    name = "rate" if "rate" in dataset else UNNAMED
    dims = set(dataset[name].dims) if name in dataset and len(dataset.data_vars) == 1 else set()
    if dims != {"unit", "condition"} and any(meaning(str(dim)) is Meaning.UNIT for dim in dims):
        return from_data_array(dataset[name].assign_attrs(dataset.attrs | dataset[name].attrs))
    return validate(dataset)


def to_pynapple(dataset: xr.Dataset) -> xr.DataArray:
    """Rates as pynapple has tuning curves: (unit, feature, ...) with NaN where nothing was measured.

    Crossed features are dimensions, in the order of the dataset, with ascending values. What a dataset read from
    pynapple knows of bins (``occupancy``, ``bin_edges``, ``fs``) is there again. Where labels tell conditions apart,
    the dimensions are (unit, epochs). Labels of units that are whole numbers are numbers; properties of units are
    coordinates.

    Parameters
    ----------
    dataset
        A valid one.

    Raises
    ------
    DatasetError
        If the grid of all combinations of features has more than 10 million cells.

    >>> curves = to_pynapple(make_dataset([[1.0, 2.0]], {"size": [4, 0.5]}))
    >>> curves.dims, curves.sel(size=0.5).item()
    (('unit', 'size'), 2.0)
    """
    dataset = validate(dataset)
    columns = features_of(dataset)
    if not columns or pd.DataFrame(columns).duplicated().any():
        return _labelled(dataset, dataset["rate"].values, {EPOCHS: dataset["condition"].values})
    edges = {name: dataset[name].attrs.get("bin_edges") for name in columns}
    axes = {name: _axis(values, edges[name]) for name, values in columns.items()}
    shape = tuple(map(len, axes.values()))
    if math.prod(shape) * dataset.sizes["unit"] > LARGEST:
        raise DatasetError(
            f"All combinations of {', '.join(columns)} have {' x '.join(map(str, shape))} values, too many for a "
            "grid: leave out features that do not cross (drop_vars)."
        )
    place = tuple(np.searchsorted(axes[name], values) for name, values in columns.items())
    rates = np.full((dataset.sizes["unit"], *shape), np.nan)
    rates[(slice(None), *place)] = dataset["rate"].values
    array = _labelled(dataset, rates, axes)
    if OCCUPANCY in dataset:
        array.attrs["occupancy"] = np.zeros(shape)
        array.attrs["occupancy"][place] = dataset[OCCUPANCY].values
    if all(edge is not None for edge in edges.values()):
        array.attrs["bin_edges"] = [np.asarray(edge, float) for edge in edges.values()]
    return array.assign_attrs({"fs": dataset.attrs["fs"]} if "fs" in dataset.attrs else {})


def _with_units_first(array: xr.DataArray) -> xr.DataArray:
    found = [dim for dim in map(str, array.dims) if meaning(dim) is Meaning.UNIT]
    if len(found) != 1 or array.ndim < 2:
        raise DatasetError(
            f"A DataArray with dimensions {tuple(map(str, array.dims))} has not one for units and one for "
            f"conditions: {ADVICE}."
        )
    if trials := [dim for dim in map(str, array.dims) if meaning(dim) is Meaning.TRIAL]:
        raise DatasetError(
            f"The dimension '{trials[0]}' counts repeats: average over it (array.mean('{trials[0]}'))."
        )
    if array.size == 0:
        raise DatasetError(f"The DataArray {dict(array.sizes)} is empty: is the source the right one?")
    if array.dtype.kind not in "biuf":
        raise DatasetError(f"The values of the DataArray are of the type {array.dtype}: give rates as numbers.")
    array = array.reset_index([dim for dim in array.dims if dim in array.indexes and array.indexes[dim].nlevels > 1])
    return array.rename({found[0]: "unit"} if found[0] != "unit" else {}).transpose("unit", ...)


def _with_names(array: xr.DataArray, names: str | Sequence[str]) -> xr.DataArray:
    """The array with the names that a user gives its dimensions."""
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    dims = [str(dim) for dim in array.dims[1:]]
    if not names:
        labels = array.coords.get(EPOCHS)
        if EPOCHS in dims and labels is not None and labels.dtype.kind in "iuf":
            raise DatasetError(
                "The epochs of the array are called by numbers, and it cannot be told what these are: say "
                "features=orientation if they are values of that feature, or features=condition if they are labels."
            )
        return array
    if len(names) != len(dims) or len(set(names)) < len(names) or not all(names):
        raise DatasetError(f"The option features={','.join(names)} does not name each of the dimensions {dims} once.")
    return array.rename({dim: name for dim, name in zip(dims, names, strict=True) if dim != name})


def _grid(array: xr.DataArray) -> tuple[Grid, list[str]]:
    """All dimensions but that of units as one, in the order of the array."""
    dims = [str(dim) for dim in array.dims[1:]]
    rates = np.asarray(array.values).reshape(array.sizes["unit"], math.prod(array.shape[1:]))
    if dims == ["condition"]:
        along = {n: c.values for n, c in array.coords.items() if c.dims == ("condition",)}
        return Grid(rates, _conditions({str(name): values for name, values in along.items()}), None), []
    if absent := [dim for dim in dims if dim not in array.coords]:
        raise DatasetError(f"The dimension '{absent[0]}' has no values: give it a coordinate of its own name.")
    along = {str(name): c for name, c in array.coords.items() if "unit" not in c.dims and c.dims}
    template = array.isel(unit=0, drop=True)
    values = {name: c.broadcast_like(template).transpose(*dims).values.ravel() for name, c in along.items()}
    occupancy, notes = array.attrs.get("occupancy"), []
    if occupancy is not None and np.shape(occupancy) != array.shape[1:]:
        notes.append(f"The occupancy has the shape {np.shape(occupancy)} and the bins {array.shape[1:]}: not used.")
        occupancy = None
    return Grid(
        rates, _conditions(values), None if occupancy is None else np.ravel(np.asarray(occupancy, float))
    ), notes


def _conditions(along: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Numbers as features; text as labels, or as the features that it names (size=4;contrast=20)."""
    text = {
        name: as_text(pd.Series(v)) for name, v in along.items() if v.dtype.kind not in "biuf" or name == "condition"
    }
    numbers = {feature_name(name): values.astype(float) for name, values in along.items() if name not in text}
    if not text:
        return numbers
    labels = [", ".join(parts) for parts in zip(*text.values(), strict=True)]
    if all(map(FEATURE_HEADER.fullmatch, labels)):
        return decoded(labels) | numbers
    return {"condition": np.array(labels)} | numbers


def _refuse_counts(array: xr.DataArray, grid: Grid) -> None:
    """Refuse counts of spikes, not divided by time: whole numbers that are no rates of whole counts."""
    fs = array.attrs.get("fs")
    if grid.occupancy is None or not isinstance(fs, int | float) or not fs > 0 or grid.rates.dtype.kind not in "iuf":
        return
    known = ~np.isnan(grid.rates) & (np.nan_to_num(grid.occupancy) > 0)
    values = grid.rates[known]
    counts = values * np.broadcast_to(grid.occupancy / fs, grid.rates.shape)[known]
    if values.any() and (values == np.round(values)).all() and (np.abs(counts - np.round(counts)) > 1e-6).any():
        raise DatasetError(
            "The array holds whole numbers that are counts of spikes by its occupancy, and no rates: divide by "
            "occupancy and multiply by fs, or leave out return_counts=True."
        )


def _described(dataset: xr.Dataset, array: xr.DataArray) -> tuple[xr.Dataset, list[Any]]:
    """The dataset with what the array says of its dimensions, and the role of each."""
    edges = array.attrs.get("bin_edges")
    for i, dim in enumerate(map(str, array.dims[1:])):
        name = feature_name(dim)
        if name in features_of(dataset):
            known: dict[str, Any] = {k: v for k, v in array[dim].attrs.items() if isinstance(v, str | int | float)}
            if (
                isinstance(edges, list | tuple)
                and len(edges) == array.ndim - 1
                and _fits(array[dim].values, edges[i])
            ):
                known["bin_edges"] = np.asarray(edges[i], float)
            dataset[name].attrs = known
    return dataset, list(Reading.of(dataset).columns)


def _fits(centres: np.ndarray, edges: Any) -> bool:
    edges = np.asarray(edges)
    return edges.shape == (len(centres) + 1,) and edges.dtype.kind in "iuf"


def _axis(values: np.ndarray, edges: Any) -> np.ndarray:
    """The values of a feature in a grid: the centres of its bins, if these are known and it has no other values."""
    distinct = np.unique(values)
    if edges is None or np.ndim(edges) != 1 or len(edges) < 2:
        return distinct
    centres = edges[:-1] + np.diff(edges) / 2
    return centres if np.isin(distinct, centres).all() else distinct


def _labelled(dataset: xr.Dataset, rates: np.ndarray, axes: dict[str, np.ndarray]) -> xr.DataArray:
    labels = dataset["unit"].values
    if all(is_int64(str(label)) for label in labels):
        labels = labels.astype(np.int64)
    coords: dict[str, Any] = {"unit": labels} | axes
    coords |= {name: ("unit", values) for name, values in unit_properties(dataset).items()}
    array = xr.DataArray(rates, coords, ("unit", *axes))
    for name in set(axes) & set(dataset.coords):
        array[name].attrs = {k: v for k, v in dataset[name].attrs.items() if k != "bin_edges"}
    unit = dataset["rate"].attrs["units"]
    return array if unit == "Hz" else array.assign_attrs(units=unit)
