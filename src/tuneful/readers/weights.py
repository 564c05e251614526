"""Weight matrices in files: .npy, .npz (sparse ones, too), .mat of every version, and text tables of numbers."""

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from tuneful.errors import UserError, suggest
from tuneful.networks.random_weights import RandomNetwork, as_real, as_square_matrix, user_network
from tuneful.readers.matlab import checked, read_matlab
from tuneful.readers.paths import by_kind, content_of
from tuneful.readers.weight_tables import read_numbers

PREFERRED = ("weights", "W", "w")  # what a matrix among several variables is likely to be called
TYPES = "excitatory"  # the variable that names cell types, if a file has it
TABLES = tuple(kind + packed for kind in (".csv", ".tsv", ".txt") for packed in ("", ".gz"))
LARGEST = 2**31  # bytes of all arrays of a file
Arrays = Mapping[str, Any]


def read_network(
    path: Path,
    variable: str | None = None,
    excitatory: str | None = None,
    note: Callable[[str], object] | None = None,
) -> RandomNetwork:
    """Read a weight matrix and the types of its cells.

    Parameters
    ----------
    path
        The file; rows are post-synaptic cells.
    variable
        Name of the matrix in an .npz or .mat file with several; dots lead into structures (``data.W``). By default
        the only square matrix, or the one that has a usual name.
    excitatory
        How many cells are excitatory, the first ones, or a file with a 1 for each of them and a 0 for all others. By
        default the variable ``excitatory`` of the same file, or the signs of the columns.
    note
        Is told which of several variables was taken.

    Raises
    ------
    UserError
        If there is no such file or variable, or it holds no weight matrix that obeys Dale's law.
    """
    arrays = read_arrays(path)
    name = _chosen(arrays, variable, path)
    if note is not None and variable is None and len(arrays) > 1:
        note(f"The weights are the variable {name!r} of {path}; another one is chosen with --variable.")
    try:
        weights = as_square_matrix(arrays[name])
        return user_network(weights, _cell_types(excitatory, arrays, len(weights)))
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        hint = str(error).replace("pass `excitatory`", "say which with --excitatory")
        raise UserError(f"{path}: {hint}") from error


def holds_network(path: Path) -> bool:
    """Whether a file is one of weights and not of curves: a square matrix in which columns excite or inhibit.

    Curves may be square, too, but their responses hardly have columns of one sign, some of them negative.
    """
    try:
        network = read_network(path)
    except UserError:
        return False
    return path.suffix == ".npy" or not network.excitatory.all()


def read_mask(path: Path) -> np.ndarray:
    """Read a square matrix of truth values, given as zeros and ones."""
    arrays = read_arrays(path)
    return _truth(arrays[_chosen(arrays, None, path)], path)


def _cell_types(asked: str | None, arrays: Arrays, n: int) -> np.ndarray | None:
    if asked is None:
        if TYPES not in arrays or np.squeeze(arrays[TYPES]).ndim > 1:  # another matter of that name
            return None
        found = np.ravel(arrays[TYPES])
        if found.shape != (n,):
            raise UserError(f"'{TYPES}' has {found.size} values and there are {n} cells: give one for each.")
        return _truth(found, Path(TYPES))
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
    readers: Mapping[str, Callable[[Path], Arrays]] = {
        ".npy": lambda path: _npy(content_of(path)),
        ".npz": lambda path: _with_sparse(_npz(content_of(path))),
        ".mat": read_matlab,
    } | dict.fromkeys(TABLES, lambda path: {"": read_numbers(path)})
    reader = by_kind(readers, path)
    content_of(path)  # which says if there is none
    try:
        return reader(path)
    except UserError:
        raise
    except (Exception, MemoryError) as error:  # readers of foreign formats fail in every way on damaged files
        raise UserError(f"{path} cannot be read: {_why(error)}.") from error


def _why(error: BaseException) -> str:
    """What a reader said; what follows a semicolon is for those who call it."""
    if "allow_pickle" in str(error):
        return "it holds Python objects, which may be programs: save a plain array of numbers (array.astype(float))"
    return str(error).split(";")[0].strip().rstrip(".?") or type(error).__name__


def _with_sparse(arrays: Arrays) -> Arrays:
    """One sparse matrix, if the arrays are the parts of one as `scipy.sparse.save_npz` writes them."""
    if not {"format", "shape", "data"} <= set(arrays):
        return arrays
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    packed.seek(0)
    return {"": checked(scipy.sparse.load_npz(packed))}


def _npy(content: bytes) -> Arrays:
    if not content.startswith(b"\x93NUMPY"):
        raise ValueError("it is no file of NumPy")
    return {"": _whole("", np.load(io.BytesIO(content), allow_pickle=False))}


def _npz(content: bytes) -> Arrays:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if (size := sum(member.file_size for member in archive.infolist())) > LARGEST:
            raise ValueError(f"its arrays have {size >> 20} MiB, and at most {LARGEST >> 20} MiB are read")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: _whole(name, file[name]) for name in file.files}


def _whole(name: str, array: Any) -> np.ndarray:
    """An array whose text is text: NumPy takes any bits for characters, and gives the bytes of what is no array."""
    if not isinstance(array, np.ndarray):
        raise ValueError(f"its member {name!r} is no array")
    if array.dtype.kind == "U":
        array.tolist()
    return array


def _chosen(arrays: Arrays, variable: str | None, path: Path) -> str:
    """The name of the matrix: as asked, the only one, or one that is called as matrices are."""
    if variable is not None:
        if "" in arrays:
            raise UserError(f"{path} holds one array without a name: leave out --variable.")
        if variable not in arrays:
            raise UserError(f"{path} has no variable {variable!r}.{suggest(variable, arrays)}")
        return variable
    if "" in arrays:
        return ""
    numeric = [name for name, array in arrays.items() if array.dtype.kind != "O"]  # which cells of MATLAB are
    tables = [name for name in numeric if np.ndim(arrays[name]) == 2 and math.prod(np.shape(arrays[name])) > 1]
    candidates = [name for name in tables if len(set(np.shape(arrays[name]))) == 1] or tables
    named = [name for wanted in PREFERRED for name in candidates if name.split(".")[-1] == wanted]
    if len(candidates) == 1 or named:
        return (named or candidates)[0]
    if not candidates:
        found = ", ".join(arrays) or "nothing"
        raise UserError(f"{path} holds no matrix of numbers (found: {found}): save one as a variable of its own.")
    raise UserError(f"{path} holds several matrices: choose one with --variable ({', '.join(candidates)}).")


def _real(array: Any, path: Path) -> np.ndarray:
    """Numbers as they are for the program, or one sentence."""
    try:
        return as_real(array)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _truth(array: Any, path: Path) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        raise UserError(f"{path}: only zeros and ones are expected here.")
    return array.astype(bool)
