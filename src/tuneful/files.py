"""Whole files or none: a reader never finds half of one, and a failure leaves the old one."""

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_COUNT = itertools.count()  # tells apart the temporary files of one process
_unfinished: set[Path] = set()


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a whole file, or nothing.

    Parameters
    ----------
    path
        The file, which may exist; its folder must.
    content
        Text (written as UTF-8, line ends as they are) or bytes.

    Raises
    ------
    OSError
        If the folder does not exist or the file cannot be written; an old file is kept then.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "note.txt", "all of it")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], mark: str | None = None) -> Iterator[Path]:
    """Give a path to write to, and put what was written there in the place of `path`; for libraries that want a path.

    The temporary file lies beside the target and has its suffix. It is on the disk before it is renamed, so that
    not even a loss of power leaves an empty file. After any failure it is removed, and an old file is kept. Where
    `path` is a link, the file that it points to is replaced; the new file has the permissions of the old one.

    Parameters
    ----------
    path
        The file to be replaced or made.
    mark
        A part of the name of the temporary file, by which one that a kill left is known again.

    Raises
    ------
    OSError
        If `path` is no regular file or may not be written, if nothing was written to the temporary path, or if that
        cannot be renamed.
    """
    target = Path(os.path.realpath(path))
    _refuse_irreplaceable(target)
    temporary = _beside(target, mark)
    with unfinished(temporary):
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[None]:
    """Remove a file when the context, or the process by `discard_unfinished`, ends."""
    _unfinished.add(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        _unfinished.discard(path)


def discard_unfinished() -> None:
    """Remove what is being written or held, for a process that ends here whatever its threads do."""
    for temporary in tuple(_unfinished):
        with contextlib.suppress(OSError):
            temporary.unlink()


def _refuse_irreplaceable(target: Path) -> None:
    """A rename would put a file where a device was, or go round a protection against writing."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "It is not a regular file", str(target))
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))


def _beside(target: Path, mark: str | None) -> Path:
    """A path beside the target: the marked one, or one at which nothing is yet."""
    marks = (f"{os.getpid()}-{n}" for n in _COUNT) if mark is None else [mark]
    paths = (target.with_name(f".{target.name}.{mark}.tmp{target.suffix}") for mark in marks)
    return next(path for path in paths if mark is not None or not os.path.lexists(path))
