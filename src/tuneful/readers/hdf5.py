"""Open an HDF5 file (NetCDF-4, MATLAB 7.3) once it is known to be whole, bounded, and to hold its own values.

Another process looks into it first (`tuneful.readers.inspection`): some damaged files stop libhdf5 for ever or end
its process. It is started at the first file and waits for the next ones.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import h5py

from tuneful.errors import DatasetError
from tuneful.readers import inspection

PATIENCE = 300.0  # seconds; the other process ends by itself long before, where the system can measure its computing


@contextlib.contextmanager
def opened(path: str | Path, tables: bool = False) -> Iterator[h5py.File]:
    """A file to read from, all of whose values were read once and are its own.

    Parameters
    ----------
    path
        The file, which exists.
    tables
        Whether only tables of an NWB file are looked at, and may be read (`inspection.columns_of_tables`).

    Raises
    ------
    DatasetError
        If a variable is virtual or in external storage, a name is a link to another file or place, more than 512 MiB
        of values are declared, or anything in it cannot be read.

    >>> with opened("weights.mat") as file:  # doctest: +SKIP
    ...     file["W"][()]
    """
    check(path, tables)
    with h5py.File(path, "r") as file:
        yield file


def check(path: str | Path, tables: bool = False) -> None:
    """Refuse what `opened` refuses, and a MATLAB file of an earlier version that scipy cannot read.

    Raises
    ------
    DatasetError
        See `opened`.
    """
    if wrong := _INSPECTOR.wrong_with(path, tables):
        raise DatasetError(f"'{path}' {wrong}")


class _Inspector:
    """The other process, which is started when it is needed, also after its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def wrong_with(self, path: str | Path, tables: bool) -> str | None:
        with self._lock:
            process = self._running()
            question = json.dumps([os.path.abspath(path), tables]).encode() + b"\n"
            answer = _answer(process, question)
            if answer is None:
                self.end()
                return (
                    "is damaged so that the library that reads it breaks or does not end: copy it, or save it, anew."
                )
            return json.loads(answer)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.end()
            # -P: the files beside that program are none that it may import
            command = [sys.executable, "-P", inspection.__file__]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            if _answer(self._process, b"") is None:
                raise DatasetError(f"No HDF5 file can be read, for {sys.executable} does not run h5py by itself.")
        return self._process

    def end(self) -> None:
        """Leave no process behind."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError):  # what was not written is of no interest
                self._process.__exit__(None, None, None)
        self._process = None


def _answer(process: subprocess.Popen[bytes], question: bytes) -> bytes | None:
    """The next line of a process, or None if it ends without one."""
    assert process.stdin is not None
    assert process.stdout is not None
    alarm = threading.Timer(PATIENCE, process.kill)
    alarm.daemon = True
    alarm.start()
    try:
        process.stdin.write(question)
        process.stdin.flush()
        return process.stdout.readline() or None
    except BrokenPipeError:
        return None
    finally:
        alarm.cancel()


def _begin() -> None:
    global _INSPECTOR
    _INSPECTOR = _Inspector()


_begin()
atexit.register(lambda: _INSPECTOR.end())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)  # two processes cannot share one conversation
