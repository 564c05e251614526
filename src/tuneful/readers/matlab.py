"""Variables of MATLAB files of every version, those inside of structures under names with dots: data.W_rec."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import scipy.sparse

from tuneful.readers.hdf5 import check, opened

DEEPEST = 8  # structures in structures


def read_matlab(path: Path) -> dict[str, Any]:
    """All numeric variables by their names; sparse ones stay sparse.

    Raises
    ------
    DatasetError
        If the file is damaged or takes values from other files.
    """
    if h5py.is_hdf5(path):
        with opened(path) as file:  # version 7.3
            return dict(_of_group(file, "", 0))
    check(path)
    found = scipy.io.loadmat(io.BytesIO(path.read_bytes()))
    return {
        full: value
        for name, item in found.items()
        if not name.startswith("__")
        for full, value in _of_value(name, item, 0)
    }


def _of_value(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """A variable, or those in a structure."""
    fields = getattr(getattr(value, "dtype", None), "names", None)
    if fields and value.size == 1 and depth < DEEPEST:
        for field in fields:
            yield from _of_value(f"{name}.{field}", value.flat[0][field], depth + 1)
    elif not fields:
        yield name, checked(value)


def _of_group(group: h5py.Group, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The variables of a group. MATLAB writes columns first, so that every array comes out transposed."""
    for key, item in group.items():
        name = f"{prefix}{key}"
        if key.startswith("#"):
            continue  # what cells refer to
        if isinstance(item, h5py.Dataset):
            yield name, np.asarray(item[()]).T
        elif "MATLAB_sparse" in item.attrs:
            yield name, _sparse(item)
        elif depth < DEEPEST:
            yield from _of_group(item, f"{name}.", depth + 1)


def _sparse(group: Any) -> Any:
    parts = [group[key][()] if key in group else np.empty(0) for key in ("data", "ir", "jc")]
    shape = (int(group.attrs["MATLAB_sparse"]), len(parts[2]) - 1)
    return checked(scipy.sparse.csc_matrix(tuple(parts), shape=shape))


def checked(value: Any) -> Any:
    """A value, whose indices lie inside of it if it is sparse.

    >>> checked(scipy.sparse.csr_matrix(np.eye(2))).nnz
    2
    """
    if hasattr(value, "check_format"):
        value.check_format(full_check=True)
    return value
