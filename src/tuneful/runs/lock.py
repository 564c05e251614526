"""One process at a time in a run folder."""

import json
import os
import socket
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock

from tuneful.errors import UserError
from tuneful.files import unfinished, write_atomically

LOCK, HOLDER = ".tuneful.lock", ".tuneful.holder.json"


class FolderInUseError(UserError):
    """Another process holds the folder."""


def holder_of(folder: Path) -> dict[str, Any] | None:
    """Who holds a folder (``process``, ``host``, ``since``); None if nobody does, or a process here that died.

    Of another host it is not known whether the process is still there.
    """
    try:
        found = json.loads((folder / HOLDER).read_text())
        holder = {name: found[name] for name in ("process", "host", "since")}
        is_here = holder["host"] == socket.gethostname()
        return None if is_here and not _is_alive(int(holder["process"])) else holder
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


class FolderLock:
    """Holds a folder while the context lasts, and makes the folder if it is not there.

    The operating system gives the lock of a process that died to the next one that asks. Who holds it stands in a
    file beside it, for the sentence that refuses everybody else.

    Raises
    ------
    FolderInUseError
        If another process holds the folder.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._lock = filelock.FileLock(folder / LOCK, timeout=0)
        self._made: list[Path] = []
        self._held = ExitStack()

    def __enter__(self) -> None:
        self._made = [path for path in (self._folder, *self._folder.parents) if not path.exists()]
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except filelock.Timeout as error:
            message = f"{self._folder} is in use{self._by_whom()}: wait for it, or choose another --out."
            raise FolderInUseError(message) from error
        for name in (HOLDER, LOCK):
            self._held.enter_context(unfinished(self._folder / name))
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
        write_atomically(self._folder / HOLDER, json.dumps(holder))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let go, and leave nothing behind: not even folders, if nothing was begun in them."""
        self._held.close()  # whoever waits for the lock sees that its file is gone, and makes another
        self._lock.release()
        with suppress(OSError):  # it holds a run, or somebody else is there by now
            for path in self._made:
                path.rmdir()

    def _by_whom(self) -> str:
        try:
            holder = json.loads((self._folder / HOLDER).read_text())
            return f" by process {holder['process']} on {holder['host']} since {holder['since']}"
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return " by another process"
