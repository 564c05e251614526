"""Where tuning curves come from: one function loads any source, one saves, and each format has its module."""

from tuneful.readers.gridded import to_pynapple
from tuneful.readers.lalazar import fetch_lalazar, read_lalazar
from tuneful.readers.netcdf import read_netcdf
from tuneful.readers.sources import examine, load, save
from tuneful.readers.spikes import from_spikes
from tuneful.readers.tables import from_frame, read_table

__all__ = [
    "examine",
    "fetch_lalazar",
    "from_frame",
    "from_spikes",
    "load",
    "read_lalazar",
    "read_netcdf",
    "read_table",
    "save",
    "to_pynapple",
]
