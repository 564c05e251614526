"""Weight matrices in files: .npy, .npz, .mat of every version, and tables of plain numbers (.csv, .tsv, .txt)."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import scipy.sparse

from tuneful.errors import UserError, suggest
from tuneful.networks.random_weights import RandomNetwork, as_square_matrix, user_network
from tuneful.readers.paths import by_kind, content_of
from tuneful.readers.text import decoded, numbers_of

PREFERRED = ("weights", "W", "w")  # what a matrix among several variables is likely to be called
TYPES = "excitatory"  # the variable that names cell types, if a file has it
Arrays = Mapping[str, Any]


def read_network(path: Path, variable: str | None = None, excitatory: str | None = None) -> RandomNetwork:
    """Read a weight matrix and the types of its cells.

    Parameters
    ----------
    path
        The file; rows are post-synaptic cells.
    variable
        Name of the matrix in an .npz or .mat file with several.
    excitatory
        How many cells are excitatory, the first ones, or a file with a 1 for each of them and a 0 for all others. By
        default the variable ``excitatory`` of the same file, or the signs of the columns.

    Raises
    ------
    UserError
        If there is no such file or variable, or it holds no weight matrix that obeys Dale's law.
    """
    arrays = read_arrays(path)
    weights = _real(arrays[_chosen(arrays, variable, path)], path)
    try:
        weights = as_square_matrix(weights)
        return user_network(weights, _cell_types(excitatory, arrays, len(weights)))
    except ValueError as error:
        hint = str(error).replace("pass `excitatory`", "say which with --excitatory")
        raise UserError(f"{path}: {hint}") from error


def read_mask(path: Path) -> np.ndarray:
    """Read a square matrix of truth values, given as zeros and ones."""
    arrays = read_arrays(path)
    return _truth(arrays[_chosen(arrays, None, path)], path)


def _cell_types(asked: str | None, arrays: Arrays, n: int) -> np.ndarray | None:
    if asked is None:
        found = np.ravel(arrays[TYPES]) if TYPES in arrays else None
        return None if found is None or found.shape != (n,) else _truth(found, Path(TYPES))
    if asked.strip().lstrip("-").isdigit():
        if not 0 < int(asked) < n:
            raise UserError(f"--excitatory {asked}: of {n} cells, 1 to {n - 1} can be excitatory.")
        return np.arange(n) < int(asked)
    given = read_arrays(Path(asked))
    vector = given[TYPES] if TYPES in given else next(iter(given.values()))
    return _truth(np.ravel(vector), Path(asked))


def read_arrays(path: Path) -> Arrays:
    """Read all arrays of a file by their names; the name is empty in formats that hold one array.

    Raises
    ------
    UserError
        If the file is missing, of another format, or damaged.
    """
    readers = {".npy": _npy, ".npz": _npz, ".mat": _mat} | dict.fromkeys((".csv", ".tsv", ".txt"), _table)
    reader, content = by_kind(readers, path), content_of(path)
    try:
        return reader(content)
    except Exception as error:  # readers of foreign formats fail in every way on damaged files
        why = str(error).split(";")[0].strip().rstrip(".?")  # what follows is for those who call the reader
        raise UserError(f"{path} cannot be read: {why or type(error).__name__}.") from error


def _npy(content: bytes) -> Arrays:
    return {"": np.load(io.BytesIO(content), allow_pickle=False)}


def _npz(content: bytes) -> Arrays:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _mat(content: bytes) -> Arrays:
    try:
        found = scipy.io.loadmat(io.BytesIO(content))
    except NotImplementedError:  # version 7.3 is HDF5
        return _mat_hdf5(content)
    return {name: _dense(value) for name, value in found.items() if not name.startswith("__")}


def _mat_hdf5(content: bytes) -> Arrays:
    """MATLAB writes columns first, so that every array comes out transposed; a sparse one is a group."""
    with h5py.File(io.BytesIO(content), "r") as file:
        return {name: _of_hdf5(item) for name, item in file.items() if not name.startswith("#")}


def _of_hdf5(item: Any) -> Any:
    if isinstance(item, h5py.Dataset):
        return np.asarray(item[()]).T
    if "MATLAB_sparse" not in item.attrs:
        return None  # a structure
    parts = [item[key][()] if key in item else np.empty(0) for key in ("data", "ir", "jc")]
    shape = (int(item.attrs["MATLAB_sparse"]), len(parts[2]) - 1)
    return scipy.sparse.csc_matrix(tuple(parts), shape=shape).toarray()


def _dense(value: Any) -> Any:
    return value.toarray() if scipy.sparse.issparse(value) else value


def _table(content: bytes) -> Arrays:
    return {"": numbers_of(decoded(content))}


def _chosen(arrays: Arrays, variable: str | None, path: Path) -> str:
    """The name of the matrix: as asked, the only one, or one that is called as matrices are."""
    if variable is not None:
        if "" in arrays:
            raise UserError(f"{path} holds one array without a name: leave out --variable.")
        if variable not in arrays:
            raise UserError(f"{path} has no variable {variable!r}.{suggest(variable, arrays)}")
        return variable
    candidates = [name for name, array in arrays.items() if np.ndim(array) == 2 and np.size(array) > 1]
    if "" in arrays or len(candidates) == 1:
        return "" if "" in arrays else candidates[0]
    named = [name for name in PREFERRED if name in candidates]
    if named:
        return named[0]
    if not candidates:
        raise UserError(f"{path} holds no matrix.")
    raise UserError(f"{path} holds several matrices: choose one with --variable ({', '.join(candidates)}).")


def _real(array: Any, path: Path) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        what = "complex numbers" if array.dtype.kind == "c" else f"values of type {array.dtype}"
        raise UserError(f"{path}: weights are real numbers, not {what}.")
    return array.astype(np.float64)


def _truth(array: Any, path: Path) -> np.ndarray:
    array = _real(array, path)
    if not np.isin(array, (0, 1)).all():
        raise UserError(f"{path}: only zeros and ones are expected here.")
    return array.astype(bool)
