"""Look into an HDF5 file that nobody vouches for; a program of its own, so that a broken file breaks nothing else.

libhdf5 has damaged files that it reads for ever, that make it ask for gigabytes, and that end its process: version
2.0.0 does one of these with one in a few hundred small files in which a few bytes were changed. Therefore
`tuneful.readers.hdf5` has this program read a file first: a line of JSON with a path, and whether only its tables of
NWB are to be looked at, comes in, and one with what is wrong goes out, as what may stand behind the name of the file
(null if nothing is). It imports nothing but h5py, so as
to start soon.
"""

import contextlib
import json
import math
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

MOST_BYTES = 512 * 2**20  # of values in one file, as they are in memory
MOST_IN_TABLES = 4096 * 2**20  # of tables of NWB, which are read in pieces
PIECE = 2**22  # values of a piece
RAGGED = ("spike_times", "obs_intervals")  # columns with several values a row that are read
MOST_MEMORY = 1280 * 2**20  # of this program, its libraries included
SOON = 0.5  # seconds of computing that any step may take
PER_SECOND = 20e6  # bytes of file and values for which it may take another one
MEASURED = hasattr(signal, "setitimer")  # whether the system tells how long a program computed


class Refusal(Exception):
    """What is wrong with a file."""


def wrong_with(path: str, tables: bool = False) -> str | None:
    """What is wrong with a file: its numbers are elsewhere, or too many, or it is damaged.

    Nothing that is reached through a link to another file is opened, and no value is read before all variables are
    known to hold their own.

    Parameters
    ----------
    path
        The file, which exists.
    tables
        Whether nothing is looked at but the columns of tables of an NWB file that `columns_of_tables` gives.

    Returns
    -------
    The end of a sentence that begins with the name of the file, or None.
    """
    size = Path(path).stat().st_size
    if path.lower().endswith(".mat") and not h5py.is_hdf5(path):
        return _wrong_with_matlab(path, size)
    try:
        with _time_for(size), h5py.File(path, "r") as file:
            items = {}
            for name, item in columns_of_tables(file) if tables else _objects(file):
                items[name] = item
                _allow(size)  # anew: of objects there may be many
            variables = {name: item for name, item in items.items() if isinstance(item, h5py.Dataset)}
            for name, variable in variables.items():
                _check_own(name, variable)
            most = MOST_IN_TABLES if tables else MOST_BYTES
            _read(items, size + _checked_size(variables, most))
    except Refusal as refusal:
        return str(refusal)
    except (Exception, MemoryError) as error:
        return f"could not be read ({_brief(error)}): is it complete?"
    return None


def _wrong_with_matlab(path: str, size: int) -> str | None:
    """What is wrong with a MATLAB file before version 7.3: damaged ones can end the process of scipy, too."""
    import scipy.io

    try:
        with _time_for(size):
            scipy.io.loadmat(path)
    except NotImplementedError:
        return "says that it is of version 7.3 of MATLAB, and is no HDF5 file: is it complete?"
    except (Exception, MemoryError) as error:
        return f"could not be read ({_brief(error)}): is it complete?"
    return None


def _objects(file: h5py.File) -> Iterator[tuple[str, h5py.HLObject]]:
    """All groups and variables with their names, each once, also where links make a loop."""
    waiting: list[tuple[str, Any]] = [("", file["/"])]
    seen = set()
    while waiting:
        where, group = waiting.pop()
        item = _linked(group, where) if where else group
        if item in seen:
            continue
        seen.add(item)
        yield where, item
        if isinstance(item, h5py.Group):
            waiting += [(f"{where}/{_text(key)}".lstrip("/"), item) for key in item]


def _text(key: Any) -> str:
    if isinstance(key, bytes):
        raise Refusal(f"has the name {_shown(str(key))}, which is not UTF-8: call that variable otherwise.")
    return key


def _linked(group: h5py.Group, path: str) -> h5py.HLObject:
    """What a group has under the last part of a path, if that is there and not a way to something else."""
    key = path.rsplit("/", 1)[-1]
    link = group.get(key, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise _elsewhere(path, link.filename)
    if not isinstance(link, h5py.HardLink):
        raise Refusal(
            f"has under {_shown(path)} a link to {_shown(str(getattr(link, 'path', '')))} and no values: "
            "save a copy that holds them there."
        )
    return group[key]


def _check_own(name: str, variable: h5py.Dataset) -> None:
    """Refuse a variable whose values lie in another place."""
    properties = variable.id.get_create_plist()
    if properties.get_layout() == h5py.h5d.VIRTUAL:
        raise _elsewhere(name, properties.get_virtual_filename(0) if properties.get_virtual_count() else "")
    if properties.get_external_count():
        raise _elsewhere(name, properties.get_external(0)[0])


def _elsewhere(name: str, file: str | bytes) -> Refusal:
    text = file.decode(errors="replace") if isinstance(file, bytes) else file
    return Refusal(
        f"takes {_shown(name)} from another place (the file {_shown(text)}), which is not followed: save a copy that "
        "holds its own values."
    )


def columns_of_tables(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Columns of numbers or text of the units and of the intervals of an NWB file, with their names in the file.

    Columns with several values a row are left out, but for spike times and the intervals in which units were
    observed; and so is what is a link, which is not followed.
    """
    for where, group in _tables(file):
        for key, item in _hard(group, h5py.Dataset):
            name = key.removesuffix("_index")
            is_ragged = f"{name}_index" in group
            kept = name in RAGGED if is_ragged else item.ndim == 1
            text = h5py.check_string_dtype(item.dtype) is not None
            if kept and (text or item.dtype.kind in "biuf"):
                yield f"{where}/{key}", item


def _tables(file: h5py.File) -> Iterator[tuple[str, h5py.Group]]:
    for name, group in _hard(file, h5py.Group):
        if name == "units":
            yield name, group
        elif name == "intervals":
            yield from ((f"{name}/{key}", table) for key, table in _hard(group, h5py.Group))


def _hard(group: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """What a group itself holds of a kind."""
    for key in group:
        if isinstance(group.get(key, getlink=True), h5py.HardLink) and group.get(key, getclass=True) is kind:
            yield _text(key), group[key]


def _checked_size(variables: dict[str, h5py.Dataset], most: int = MOST_BYTES) -> int:
    """Bytes of all values in memory."""
    sizes = {name: _size(variable) for name, variable in variables.items()}
    if (total := sum(sizes.values())) > most:
        largest = max(sizes, key=sizes.__getitem__)
        shape = " x ".join(map(str, variables[largest].shape or ()))
        raise Refusal(
            f"says that it has {total / 2**20:,.0f} MiB of values ({_shown(largest)}: {shape}), and at most "
            f"{most / 2**20:,.0f} MiB are read: save the variables that are needed alone."
        )
    return total


def _size(variable: h5py.Dataset) -> int:
    """Bytes of the values, or of one block of them if that is more."""
    cells = max(math.prod(variable.shape or ()), math.prod(variable.chunks or ()))
    return cells * variable.dtype.itemsize if variable.shape is not None else 0


def _read(items: dict[str, h5py.HLObject], n_bytes: int) -> None:
    """Read all there is once; what has values that cannot be read is named."""
    for name, item in items.items():
        what = name or "/"
        _allow(n_bytes)
        try:
            for key in item.attrs:
                what = f"{name}:{key}"
                item.attrs[key]
            what = name or "/"
            if isinstance(item, h5py.Dataset):
                _read_values(item)
        except Exception as error:
            raise Refusal(f"has {_shown(what)} that could not be read ({_brief(error)}): is it complete?") from error


def _read_values(variable: h5py.Dataset) -> None:
    """All values, in pieces where there are many in a row."""
    if variable.ndim == 1 and len(variable) > PIECE:
        for first in range(0, len(variable), PIECE):
            variable[first : first + PIECE]
    else:
        variable[()]


@contextlib.contextmanager
def _time_for(n_bytes: int) -> Iterator[None]:
    """End this program if computing takes longer than it may; only where the system can (not on Windows)."""
    _allow(n_bytes)
    try:
        yield
    finally:
        if MEASURED:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _allow(n_bytes: int) -> None:
    """Let computing take its time from now on."""
    if MEASURED:
        signal.setitimer(signal.ITIMER_PROF, SOON + n_bytes / PER_SECOND)


def _shown(name: str) -> str:
    return repr(name if len(name) <= 60 else f"{name[:28]}...{name[-28:]}")


def _brief(error: BaseException) -> str:
    text = str(error).strip("'\" ").split("\n")[0]
    inner = text.partition("(")[2] if text.endswith(")") else text
    return (inner.rstrip(")") or type(error).__name__)[:120]


def _limit_memory() -> None:
    """Have what asks for more fail, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def main() -> None:
    """Answer until there is no question more."""
    _limit_memory()
    print("null", flush=True)  # all is imported
    for line in sys.stdin.buffer:
        print(json.dumps(wrong_with(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
