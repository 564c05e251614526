"""What is wrong with a path before its file is read: nothing there, nothing in it, or of another kind."""

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from tuneful.errors import DatasetError, UserError

Known = TypeVar("Known")
EXTRAS = {"openpyxl": "excel", "pyarrow": "parquet", "zarr": "zarr"}


def as_path(name: str | Path) -> Path:
    """The path that a name stands for, ``~`` included.

    Raises
    ------
    DatasetError
        If the name is empty, holds a NUL, or begins with the home of nobody.
    """
    if not str(name) or "\0" in str(name):
        raise DatasetError(f"{str(name)!r} cannot be the name of a file: check the path.")
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise DatasetError(f"'{name}' begins with the home of a user who is not known here: write it out.") from error


def by_kind(known: Mapping[str, Known], path: Path) -> Known:
    """What is known under the suffix of a file, whatever its case.

    Raises
    ------
    DatasetError
        If the suffix is not among those of `known`.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix
    if suffix.lower() not in known:
        raise DatasetError(f"'{path}' ends in '{suffix}', which is not a known format: use {', '.join(known)}.")
    return known[suffix.lower()]


def content_of(path: Path) -> bytes:
    """All bytes of a file.

    Raises
    ------
    UserError
        If there is no such file, or it is empty.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}.")
    if content := path.read_bytes():
        return content
    raise UserError(f"{path} is empty.")


def check_exists(path: Path) -> None:
    """Refuse a path where there is neither a file nor a folder.

    Raises
    ------
    DatasetError
        If there is nothing.
    """
    if not os.path.exists(path):  # which is true of no name that the system refuses
        raise DatasetError(f"There is no file or folder '{path}': check the path (now in '{Path.cwd()}').")


def check_written(path: Path) -> None:
    """Refuse a file that holds nothing.

    Raises
    ------
    DatasetError
        If it is empty.
    """
    if path.stat().st_size == 0:
        raise DatasetError(f"'{path}' is empty: was it written completely?")


def check_folder_of(path: Path) -> None:
    """Refuse to write where there is no folder.

    Raises
    ------
    DatasetError
        If the folder of the file does not exist.
    """
    if not path.parent.is_dir():
        raise DatasetError(f"There is no folder '{path.parent}' to write '{path.name}' in: make it first.")


def require(package: str, path: str | Path) -> None:
    """Refuse a file for which a package is missing.

    Raises
    ------
    DatasetError
        Naming the extra that brings it.
    """
    if importlib.util.find_spec(package) is None:
        raise DatasetError(f"'{path}' needs the package {package}: pip install 'tuneful[{EXTRAS[package]}]'.")
