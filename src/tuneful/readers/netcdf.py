"""Datasets as NetCDF files: everything is kept, attributes included.

NetCDF-4 (HDF5 inside) is read and written, NetCDF-3 (classic and with 64-bit offsets) is read. Files of other
programs may have numbers packed by the conventions of CF (``scale_factor``, ``add_offset``, ``_FillValue``), which
are unpacked.
"""

import contextlib
import io
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import xarray as xr
from xarray.backends import H5NetCDFStore
from xarray.conventions import decode_cf_variable

from tuneful.curves import DatasetError, validate
from tuneful.curves.schema import HERTZ, OCCUPANCY, OTHER_UNITS
from tuneful.files import write_atomically
from tuneful.readers.gridded import from_dataset
from tuneful.readers.hdf5 import opened
from tuneful.readers.inspection import MOST_BYTES
from tuneful.readers.paths import require
from tuneful.readers.reading import Reading

# What the conventions make of attributes, and of which kind these must be for that.
NUMBER = ("scale_factor", "add_offset")
TEXT = ("coordinates", "dtype", "_Encoding", "_Unsigned")
UNKEPT = re.compile("[\0\ud800-\udfff]")  # NUL, and bytes that are not UTF-8 as Python reads them


def read_netcdf(path: str | Path) -> Reading | xr.Dataset:
    """The validated dataset of a NetCDF file; of one with groups, that of its outermost group.

    Variables along units are properties, variables along conditions are features, whether or not the file calls them
    coordinates.

    Raises
    ------
    DatasetError
        If the file is not NetCDF-3 or NetCDF-4, takes numbers from other files, is larger than memory, or does not
        hold a valid dataset; what is wrong is named.
    """
    raw = _raw(Path(path))
    for name, variable in raw.variables.items():
        what = f"'{path}': '{name}'"
        _check_attributes(what, variable)
        with _said(what):
            _check_text(what, decode_cf_variable(name, variable, decode_timedelta=False).values)
    if not isinstance(raw.attrs.get("coordinates", ""), str):
        raise DatasetError(f"'{path}' has the attribute 'coordinates', which is not text: leave it out.")
    with _said(f"'{path}'"):
        return from_dataset(_with_coordinates(xr.decode_cf(raw, decode_timedelta=False)).drop_encoding())


def read_zarr(path: str | Path) -> Reading | xr.Dataset:
    """The validated dataset of a Zarr store in a folder, which is to hold what a NetCDF file does.

    Raises
    ------
    DatasetError
        As for `read_netcdf`, or if the package zarr is missing.
    """
    require("zarr", path)
    with _said(f"'{path}'", "Zarr"):
        stored = xr.open_zarr(path, chunks=None, decode_timedelta=False)
        if stored.nbytes > MOST_BYTES:
            raise DatasetError(f"'{path}' has more than the {MOST_BYTES / 2**20:,.0f} MiB of values that are read.")
        for name, variable in stored.load().variables.items():
            _check_text(f"'{path}': '{name}'", variable.values)
        return from_dataset(_with_coordinates(stored).drop_encoding())


def _raw(path: Path) -> xr.Dataset:
    """All variables and attributes of a file as they are stored."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"CDF\x05":
        raise DatasetError(
            f"'{path}' is in the format CDF-5 (64-bit data), which is not read: convert it with `nccopy -k nc4`."
        )
    reader: Callable[[Path], xr.Dataset] = _raw_classic if start[:3] == b"CDF" else _raw_hdf5
    if reader is _raw_hdf5 and not h5py.is_hdf5(path):
        raise DatasetError(
            f"'{path}' could not be read as NetCDF-4 or NetCDF-3, for it begins as neither does: is it complete, and "
            "saved by xarray or `tuneful data convert`?"
        )
    with _said(f"'{path}'"):
        return reader(path)


def _raw_classic(path: Path) -> xr.Dataset:
    if path.stat().st_size > MOST_BYTES:
        raise DatasetError(f"'{path}' is larger than the {MOST_BYTES / 2**20:,.0f} MiB that are read.")
    return xr.load_dataset(io.BytesIO(path.read_bytes()), engine="scipy", decode_cf=False)


def _raw_hdf5(path: Path) -> xr.Dataset:
    with opened(path) as file:
        for name, item in file.items():
            _check_kind(f"'{path}': '{name}'", item)
            _check_references(f"'{path}': '{name}'", item)
        _check_references(f"'{path}'", file)
        with h5netcdf.File(file, decode_vlen_strings=True) as content:
            return xr.load_dataset(H5NetCDFStore(content), decode_cf=False)  # pyright: ignore[reportArgumentType]


def _check_kind(name: str, item: Any) -> None:
    """Refuse a variable that holds neither numbers nor text, or does not say along what."""
    if isinstance(item, h5py.Group):
        return
    if not isinstance(item, h5py.Dataset):
        raise DatasetError(f"{name} is a type, and no variable: leave it out.")
    if item.shape is None:
        raise DatasetError(f"{name} is declared and has no values (a null dataspace): save it anew.")
    text = h5py.check_string_dtype(item.dtype) is not None
    if not text and (item.dtype.kind not in "biuf" or h5py.check_enum_dtype(item.dtype)):
        what = "an enumeration" if h5py.check_enum_dtype(item.dtype) else f"of the type {str(item.dtype)[:60]}"
        raise DatasetError(f"{name} is {what}, and not numbers or text: leave it out, or save it as such.")
    if "DIMENSION_LIST" in item.attrs or (item.ndim and item.attrs.get("CLASS") != b"DIMENSION_SCALE"):
        _check_dimensions(name, item)


def _check_dimensions(name: str, variable: h5py.Dataset) -> None:
    """Refuse a variable without names of dimensions, or of other lengths than they have (h5netcdf fills it up)."""
    scales = _scales(variable)
    if len(scales) != variable.ndim or not all(isinstance(scale, h5py.Dataset) for scale in scales):
        raise DatasetError(
            f"{name} {variable.shape} does not name its dimensions (such as unit and condition): attach dimension "
            "scales, or give the arrays to tuneful.load."
        )
    for scale, length in zip(scales, variable.shape, strict=True):
        if scale.shape[:1] != (length,):
            raise DatasetError(
                f"{name} has {length} values along '{scale.name.strip('/')}', which has the shape {scale.shape}: "
                "save it anew."
            )


def _scales(variable: h5py.Dataset) -> list[Any]:
    """What gives each dimension its name; by hand, for libhdf5 ends the process where the list is of another type."""
    if "DIMENSION_LIST" not in variable.attrs:
        return []
    listed = h5py.check_vlen_dtype(variable.attrs.get_id("DIMENSION_LIST").dtype)
    if listed is None or h5py.check_ref_dtype(listed) is None:
        return []
    return [
        variable.file[found[-1]] if len(found) and found[-1] else None
        for found in np.ravel(np.asarray(variable.attrs["DIMENSION_LIST"]))
    ]


def _check_references(name: str, item: Any) -> None:
    """Refuse attributes that point to something, but for those by which NetCDF names dimensions."""
    for key in set(item.attrs) - {"DIMENSION_LIST", "REFERENCE_LIST"}:
        if h5py.check_ref_dtype(item.attrs.get_id(key).dtype):
            raise DatasetError(f"{name} has the attribute '{key}', which is a reference: leave it out.")


def _check_text(name: str, values: np.ndarray) -> None:
    """Refuse text that no other file can keep."""
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise DatasetError(f"{name} is text that is not UTF-8: save it as such.") from error
    texts = map(str, values.flat) if values.dtype.kind in "UO" else ()
    if (bad := next(filter(UNKEPT.search, texts), None)) is not None:
        raise DatasetError(f"{name} has the text {bad[:60]!r}, which no file can keep: write it otherwise.")


def _check_attributes(name: str, variable: xr.Variable) -> None:
    """Refuse attributes that change the values and cannot, as they are not of the kind that they must be."""
    for key, value in variable.attrs.items():
        if key in TEXT and not isinstance(value, str):
            raise DatasetError(f"{name} has the attribute '{key}', which is not text: correct it or leave it out.")
        number = np.ndim(value) <= 1 and np.size(value) == 1 and np.asarray(value).dtype.kind in "iuf"
        usable = number and np.isfinite(value).all() and (key != "scale_factor" or np.all(value))
        if key in NUMBER and not (usable and variable.dtype.kind in "iuf"):
            raise DatasetError(
                f"{name} has the attribute '{key}', which is not one finite number (a factor not 0) for numbers: "
                "correct it or leave it out."
            )
        fills = key in ("_FillValue", "missing_value") and variable.dtype.kind in "iuf"
        if fills and np.asarray(value).dtype.kind not in "iuf":
            raise DatasetError(f"{name} has numbers, and its attribute '{key}' is none: correct it or leave it out.")
    units = variable.attrs.get("units", HERTZ[0])
    if name.endswith(": 'rate'") and str(units).strip().casefold() not in (*HERTZ, *OTHER_UNITS):
        known = f"Hz, {' or '.join(OTHER_UNITS)}"
        raise DatasetError(f"{name} is in '{units}', and not in {known}: convert it, or correct the attribute.")


def _with_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with text as text, without attributes that say nothing, and with its columns as coordinates."""
    for name in [name for name, variable in dataset.variables.items() if variable.dtype.kind == "S"]:
        dataset[name] = dataset[name].copy(data=np.char.decode(dataset[name].values, "utf-8"))
    for attrs in (dataset.attrs, *(variable.attrs for variable in dataset.variables.values())):
        attrs.update({key: "" for key, value in attrs.items() if isinstance(value, h5py.Empty)})
    columns = [name for name, variable in dataset.data_vars.items() if variable.dims in (("unit",), ("condition",))]
    return dataset.set_coords([name for name in columns if name != OCCUPANCY])


@contextlib.contextmanager
def _said(what: str, kind: str = "NetCDF") -> Iterator[None]:
    """What libraries find wrong as one sentence, and nothing of what they say besides."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except DatasetError:
        raise
    except Exception as error:  # libraries fail in every way on what other programs write, and on damage
        raise DatasetError(
            f"{what} could not be read as {kind} ({_brief(error)}): is it complete, and saved by xarray or "
            "`tuneful data convert`?"
        ) from error


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a valid dataset to a NetCDF-4 file; an existing file is replaced.

    Raises
    ------
    DatasetError
        If the dataset is not valid, or an attribute is of a type that NetCDF does not know.
    """
    dataset = validate(dataset)
    try:
        write_atomically(path, bytes(dataset.to_netcdf(engine="h5netcdf")))  # on a full disk, HDF5 ends the process
    except (OSError, TypeError, ValueError, RuntimeError, KeyError) as error:
        raise DatasetError(
            f"'{path}' could not be written ({_brief(error)}): check the folder, that there is room, that labels "
            "hold no NUL, and that attributes are text, numbers or lists of these."
        ) from error


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:120] or type(error).__name__
