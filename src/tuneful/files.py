"""Whole files or none: a reader never finds half of one, and a failure leaves the old one."""

import contextlib
import itertools
import os
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
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path to write to, and put what was written there in the place of `path`; for libraries that want a path.

    The temporary file lies beside the target and has its suffix. It is on the disk before it is renamed, so that
    not even a loss of power leaves an empty file. After any failure it is removed, and an old file is kept. Where
    `path` is a link, the file that it points to is replaced.

    Parameters
    ----------
    path
        The file to be replaced or made.

    Raises
    ------
    OSError
        If nothing was written to the temporary path, or it cannot be renamed.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{next(_COUNT)}.tmp{target.suffix}")
    _unfinished.add(temporary)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        _unfinished.discard(temporary)


def discard_unfinished() -> None:
    """Remove what is being written, for a process that ends here whatever its threads do."""
    for temporary in tuple(_unfinished):
        with contextlib.suppress(OSError):
            temporary.unlink()
