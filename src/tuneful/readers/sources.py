"""One function that loads tuning curves from anything, and one that saves them."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError
from tuneful.readers.arrays import from_array
from tuneful.readers.dropping import dropped_from_dataset, drops_of
from tuneful.readers.gridded import from_data_array, from_dataset
from tuneful.readers.labelling import labelled, labels_of
from tuneful.readers.lalazar import fetch_lalazar, read_lalazar
from tuneful.readers.netcdf import read_netcdf, read_zarr, write_netcdf
from tuneful.readers.nwb import read_nwb
from tuneful.readers.paths import as_path, by_kind, check_exists, check_folder_of, check_written
from tuneful.readers.reading import Reading
from tuneful.readers.roles import Column, Role
from tuneful.readers.sheets import read_excel, read_parquet, write_parquet
from tuneful.readers.tables import read_table, write_table
from tuneful.readers.variables import read_variables

READERS: dict[str, Callable[..., Reading | xr.Dataset]] = {
    **dict.fromkeys((".csv", ".tsv"), read_table),
    ".nc": read_netcdf,
    **dict.fromkeys((".txt", ".csv.gz", ".tsv.gz", ".txt.gz"), read_table),
    **dict.fromkeys((".npy", ".npz", ".mat"), read_variables),
    ".nwb": read_nwb,
    ".xlsx": read_excel,
    ".parquet": read_parquet,
}
WRITERS: dict[str, Callable[..., None]] = {
    ".csv": write_table,
    ".tsv": write_table,
    ".nc": write_netcdf,
    ".parquet": write_parquet,
}
DOWNLOAD = "lalazar2016"


def load(source: Any, /, **options: Any) -> xr.Dataset:
    """A validated dataset from whatever holds tuning curves.

    What was decided on the way (labels made unique, a column left out) is kept in the attribute ``notes``.

    Parameters
    ----------
    source
        A path: a folder of the Lalazar recordings, a ``.csv``, ``.tsv`` or ``.txt`` table (or one packed as ``.gz``),
        a ``.nc``, ``.npy`` or ``.npz`` file; the name ``"lalazar2016"`` (downloads these recordings once); or an
        object: an `xarray.Dataset`, an `xarray.DataArray` (unit, feature, ...), a `pandas.DataFrame` or `Series`, an
        array of rates (units, conditions) in Hz.
    **options
        Those of the reader: `read_lalazar` (``posture``, ``complete``, ``grid``), `from_frame` (``layout``,
        ``unit_columns``, ``features``, ``ignore``, ``average``, ...) and for text ``separator`` and ``decimal``, and
        for arrays those of `tuneful.curves.make_dataset` (``conditions``, ...). For all of them ``drop``: conditions
        (``"size=0"``) and features (``"size"``) that are left out, as a list or with commas between them; and
        ``label``: properties that all units have (``"session=m3"``).

    Raises
    ------
    DatasetError
        One sentence on what is wrong with the source, the options or the data, and what to try.

    >>> load([[3.2, 1.1], [0.4, 0.9]], conditions={"size": [0.5, 4]}).sizes["unit"]
    2
    """
    return examine(source, **options).noted


def examine(source: Any, /, **options: Any) -> Reading:
    """A source as `load` reads it, with the role of every column and why; arguments and errors as there."""
    label = options.pop("label", None)
    found = _examined(source, options)
    reading = found if isinstance(found, Reading) else Reading.of(found)
    if label is None:
        return reading
    labels = labels_of(label)
    columns = [*reading.columns, *(Column(name, Role.PROPERTY, "as asked") for name in labels)]
    return replace(reading, dataset=labelled(reading.dataset, labels), columns=columns)


def _examined(source: Any, options: dict[str, Any]) -> Reading | xr.Dataset:
    if isinstance(source, (str, Path)):
        return _load_path(source, options)
    for kind, reader in OBJECTS.items():
        if isinstance(source, kind):
            return _read(reader, source, options)
    if hasattr(source, "__array__"):
        return _read(from_array, source, options)
    raise DatasetError(
        f"Tuning curves cannot be loaded from a {type(source).__name__}: give a path, an xarray.Dataset, a "
        "pandas.DataFrame or an array (units, conditions)."
    )


OBJECTS: dict[Any, Callable[..., Reading | xr.Dataset]] = {
    xr.Dataset: from_dataset,
    xr.DataArray: from_data_array,
    (pd.DataFrame, pd.Series): read_table,
    (list, tuple): from_array,
}


def save(dataset: xr.Dataset, path: str | Path, **options: Any) -> None:
    """Write a dataset: ``.nc`` keeps everything; ``.csv`` and ``.tsv`` keep all but attributes.

    The option ``layout`` of tables is "long" (the default) or "wide". An existing file is replaced.

    Raises
    ------
    DatasetError
        If the dataset is not valid, the suffix is unknown or the file cannot be written.
    """
    path = as_path(path)
    writer = by_kind(WRITERS, path)
    check_folder_of(path)
    _call(writer, dataset, {"path": path} | options)


def _load_path(source: str | Path, options: dict[str, Any]) -> Reading | xr.Dataset:
    path = as_path(source)
    if str(source) == DOWNLOAD and not path.exists():
        return _read(read_lalazar, fetch_lalazar(), options)
    check_exists(path)
    if path.is_dir() and path.suffix.lower() == ".zarr":
        return _read(read_zarr, path, options)
    if path.is_dir():
        if not any(path.glob("TuningCurves*.dat")):
            raise DatasetError(
                f"The folder '{path}' holds no TuningCurves*.dat: give a file, or a folder of those recordings."
            )
        return _read(read_lalazar, path, options)
    reader = by_kind(READERS, path)
    check_written(path)
    return _read(reader, path, options)


@np.errstate(invalid="ignore", over="ignore")  # NaNs of any bits are missing values; what overflows is refused
def _read(reader: Callable, source: Any, options: dict[str, Any]) -> Reading | xr.Dataset:
    """What a reader reads, without what is to be left out; some do so themselves, before roles are told."""
    if "drop" not in options or "drop" in inspect.signature(reader).parameters:
        return _call(reader, source, options)
    found = _call(reader, source, {name: value for name, value in options.items() if name != "drop"})
    reading = found if isinstance(found, Reading) else Reading.of(found)
    return replace(reading, dataset=dropped_from_dataset(reading.dataset, drops_of(options["drop"])))


def _call(function: Callable, source: Any, options: dict[str, Any]) -> Any:
    """``function(source, **options)``, with an unknown option reported in one sentence."""
    parameters = inspect.signature(function).parameters
    known = list(parameters)[1:]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if not open_ended and (unknown := [name for name in options if name not in known]):
        takes = f"only {', '.join(known)}" if known else "none"
        raise DatasetError(f"The option '{unknown[0]}' does not apply to this source, which takes {takes}.")
    return function(source, **options)
