"""Datasets as NetCDF files: everything is kept, attributes included."""

from pathlib import Path

import xarray as xr

from tuneful.curves import DatasetError, validate
from tuneful.files import replacing


def read_netcdf(path: str | Path) -> xr.Dataset:
    """The validated dataset of a NetCDF-4 file (HDF5 inside; the classic format is not read).

    Raises
    ------
    DatasetError
        If the file is not NetCDF-4 or does not hold a valid dataset.
    """
    try:
        dataset = xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"'{path}' could not be read as NetCDF-4 ({_brief(error)}): is it complete, and saved by xarray "
            "or `tuneful data convert`?"
        ) from error
    return validate(dataset).drop_encoding()


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> None:
    """Write a valid dataset to a NetCDF-4 file; an existing file is replaced.

    Raises
    ------
    DatasetError
        If the dataset is not valid, or an attribute is of a type that NetCDF does not know.
    """
    try:
        with replacing(path) as temporary:
            validate(dataset).to_netcdf(temporary, engine="h5netcdf")
    except (OSError, TypeError) as error:
        raise DatasetError(
            f"'{path}' could not be written ({_brief(error)}): check the folder, and that attributes are "
            "text, numbers or lists of these."
        ) from error


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:120] or type(error).__name__
