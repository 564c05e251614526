"""Where a page goes: into the folder of its run, where it is noted, or to a file that somebody names."""

import os
from collections.abc import Callable
from pathlib import Path

from tuneful.errors import UserError
from tuneful.runs.folder import PAGE, RunFolder
from tuneful.runs.manifest import read_manifest


def refuse_page(page: Path, overwrite: bool) -> None:
    """Check that a page may be written: there is nothing, or the page that a run wrote there.

    Raises
    ------
    UserError
        If there is something else and `overwrite` is false, or there is no folder.
    """
    if not page.absolute().parent.is_dir():
        raise UserError(f"There is no folder {page.parent} for the page.")
    manifest = read_manifest(page.parent)
    refuse_existing(page, overwrite or (manifest is not None and manifest.proves(page)))


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Refuse to write over a file, or a link to none, that nobody said may be replaced."""
    if os.path.lexists(path) and not overwrite:
        raise UserError(f"{path} exists: choose another file, or add --overwrite to replace it.")


def put_page(page: Path, overwrite: bool, write: Callable[[Path], object]) -> None:
    """Write a page with a function that writes whole files.

    Raises
    ------
    UserError
        As `refuse_page` does, and if another process has the run of the page.
    """
    refuse_page(page, overwrite)
    folder = RunFolder(page.parent)
    if page.name != PAGE or read_manifest(page.parent) is None:
        write(page)
        return
    with folder.lock(), folder.writing(PAGE, overwrite) as temporary:
        write(temporary)
