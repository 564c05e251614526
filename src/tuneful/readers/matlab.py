"""Variables of MATLAB files of every version, those inside of structures under names with dots: data.W_rec."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import scipy.io.matlab
import scipy.sparse

from tuneful.readers.hdf5 import check, opened

DEEPEST = 8  # structures in structures
OPAQUE = (scipy.io.matlab.MatlabOpaque, scipy.io.matlab.MatlabFunction)  # what only MATLAB knows


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


def read_structs(path: Path) -> dict[str, Any]:
    """All variables by their names, with their structure.

    Structures are dictionaries, arrays of structures lists of these, cell arrays arrays of objects, text is text, and
    numbers are arrays with the shape that MATLAB says. Objects of classes (tables, strings) are left out, for their
    format is not published.

    Raises
    ------
    DatasetError
        As for `read_matlab`.
    """
    if h5py.is_hdf5(path):
        with opened(path) as file:
            return {name: _of_item(file, item, 0) for name, item in file.items() if not name.startswith("#")}
    check(path)
    found = scipy.io.loadmat(io.BytesIO(path.read_bytes()))
    known = {name: item for name, item in found.items() if not name.startswith("__")}
    return {name: _plain(item, 0) for name, item in known.items() if not isinstance(item, OPAQUE)}


def _plain(value: Any, depth: int) -> Any:
    """A variable as `read_structs` gives it."""
    if scipy.sparse.issparse(value):
        return checked(value).toarray()
    if isinstance(value, OPAQUE) or not isinstance(value, np.ndarray) or depth > DEEPEST:
        return None
    if value.dtype.names:
        rows = [{field: _plain(row[field], depth + 1) for field in value.dtype.names} for row in value.ravel("F")]
        return rows[0] if len(rows) == 1 else rows
    if value.dtype.kind == "O":
        return _cells([_plain(item, depth + 1) for item in value.flat], value.shape)
    if value.dtype.kind == "U":
        return str(value.flat[0]) if value.size == 1 else np.char.rstrip(value) if value.size else ""
    return value


def _cells(items: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    cells = np.empty(len(items), object)
    cells[:] = items
    return cells.reshape(shape)


def _of_item(file: h5py.File, item: Any, depth: int) -> Any:
    """A variable of a file of version 7.3 as `read_structs` gives it."""
    kind = bytes(item.attrs.get("MATLAB_class", b"")).decode(errors="replace")
    if depth > DEEPEST or "MATLAB_object_decode" in item.attrs:
        return None
    if isinstance(item, h5py.Group):
        if "MATLAB_sparse" in item.attrs:
            return _sparse(item).toarray()
        return _of_fields({key: _of_item(file, value, depth + 1) for key, value in item.items()}, item)
    if "MATLAB_empty" in item.attrs:
        return "" if kind == "char" else np.zeros(tuple(int(n) for n in np.ravel(item[()])))
    values = np.asarray(item[()]).T
    if h5py.check_ref_dtype(item.dtype):
        return _cells([_of_item(file, file[ref], depth + 1) for ref in values.flat], values.shape)
    if kind == "char":
        rows = ["".join(map(chr, row)).rstrip() for row in np.atleast_2d(values)]
        return rows[0] if len(rows) == 1 else np.array(rows)
    return values.astype(bool) if kind == "logical" else values


def _of_fields(fields: dict[str, Any], group: h5py.Group) -> Any:
    """A structure, or the list of an array of structures, whose fields are kept as references without a class."""
    references = [
        isinstance(item, h5py.Dataset) and h5py.check_ref_dtype(item.dtype) and "MATLAB_class" not in item.attrs
        for item in group.values()
    ]
    if not fields or not all(references) or len({value.size for value in fields.values()}) != 1:
        return fields
    flat = {name: value.ravel("F") for name, value in fields.items()}
    return [{name: value[i] for name, value in flat.items()} for i in range(next(iter(flat.values())).size)]


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
