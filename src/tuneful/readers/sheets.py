"""Tables of Excel and Parquet files."""

import contextlib
import importlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError
from tuneful.errors import suggest
from tuneful.files import write_atomically
from tuneful.readers.delimited import LARGEST
from tuneful.readers.paths import require
from tuneful.readers.reading import Reading
from tuneful.readers.tables import Names, read_frame, to_frame


def read_excel(path: str | Path, sheet: str | None = None, drop: Names = (), **options: Any) -> Reading:
    """The validated dataset of a sheet of an Excel file, as `read_table` reads it.

    Parameters
    ----------
    path
        A .xlsx file.
    sheet
        The name of the sheet, if several hold something.
    drop, **options
        Those of `read_table`, but for ``separator`` and ``decimal``.

    Raises
    ------
    DatasetError
        If the file is damaged, several sheets hold something and none is chosen, there is a formula that was never
        computed, or see `read_table`.
    """
    require("openpyxl", path)
    found = _sheets(Path(path))
    sheets = {name: frame for name, frame in found.items() if frame.size}
    if not sheets:
        for name in found:
            _refuse_uncomputed(Path(path), name)
        raise DatasetError(f"'{path}' has no sheet with a header and a row: was it saved?")
    if sheet is None and len(sheets) > 1:
        raise DatasetError(f"'{path}' has several sheets: say --option sheet=..., one of {', '.join(sheets)}.")
    name = str(sheet) if sheet is not None else next(iter(sheets))
    if name not in sheets:
        raise DatasetError(f"'{path}' has no sheet '{name}' that holds something.{suggest(name, sheets)}")
    if sheets[name].isna().any(axis=None) or "" in sheets[name].columns:
        _refuse_uncomputed(Path(path), name)
    return read_frame(sheets[name], {"drop": drop} | options, ("sheet",))


def _sheets(path: Path) -> dict[str, pd.DataFrame]:
    """All sheets, cells as the file has them, without rows and columns that hold nothing."""
    content = path.read_bytes()
    with _as_excel(path):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise DatasetError(f"'{path}' unpacks to more than {LARGEST >> 20} MiB: save it as .csv.")
        found = {
            sheet.title: pd.DataFrame(sheet.iter_rows(values_only=True), dtype=object)
            for sheet in _book(content).worksheets
        }
    return {str(name): _with_header(frame) for name, frame in found.items()}


def _refuse_uncomputed(path: Path, name: str) -> None:
    """Refuse formulas that were never computed, whose cells look empty, as if nothing had been measured.

    Raises
    ------
    DatasetError
        For the first of the sheet.
    """
    content = path.read_bytes()
    with _as_excel(path):
        formulas = {cell.coordinate for cell in _cells(content, name, data_only=False) if cell.data_type == "f"}
        for cell in _cells(content, name) if formulas else ():
            if cell.value is None and cell.coordinate in formulas:
                raise DatasetError(
                    f"'{path}' has a formula in {cell.coordinate} of sheet '{name}' without its value: open and save "
                    "it in a spreadsheet program, which computes it, or save the values."
                )


def _cells(content: bytes, name: str, data_only: bool = True) -> Iterator[Any]:
    """The cells of a sheet that the file has."""
    cells = (cell for row in _book(content, data_only)[name].iter_rows() for cell in row)
    return (cell for cell in cells if hasattr(cell, "coordinate"))


def _book(content: bytes, data_only: bool = True) -> Any:
    """A workbook: with what its formulas gave when it was saved, or with the formulas."""
    return importlib.import_module("openpyxl").load_workbook(io.BytesIO(content), read_only=True, data_only=data_only)


@contextlib.contextmanager
def _as_excel(path: Path) -> Iterator[None]:
    """A context in which openpyxl may fail, as it does in every way on damaged files."""
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:
        raise DatasetError(
            f"'{path}' could not be read as Excel ({_brief(error)}): is it a complete .xlsx?"
        ) from error


def _with_header(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose first row holds the names of its columns; numbers are numbers where all of a column are."""
    frame = frame.dropna(how="all").dropna(axis="columns", how="all")
    if len(frame) < 2:
        return pd.DataFrame()
    header = ["" if pd.isna(name) else str(name).strip() for name in frame.iloc[0]]
    body = frame.iloc[1:].reset_index(drop=True)
    body.columns = pd.Index(header, dtype=object)
    return body.infer_objects()


def read_parquet(path: str | Path, drop: Names = (), **options: Any) -> Reading:
    """The validated dataset of a Parquet file, as `read_table` reads its columns; options are those of `read_table`.

    Raises
    ------
    DatasetError
        If the file is damaged or larger than any table, or see `read_table`.
    """
    require("pyarrow", path)
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        sizes = [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]
        if max(sum(sizes), file.metadata.num_rows * 8) > LARGEST:
            raise DatasetError(f"'{path}' holds more than {LARGEST >> 20} MiB: save the columns that are needed.")
        table = file.read()
        table.validate(full=True)  # text is UTF-8, for example
        frame = table.to_pandas()
    except DatasetError:
        raise
    except Exception as error:
        raise DatasetError(f"'{path}' could not be read as Parquet ({_brief(error)}): is it complete?") from error
    return read_frame(frame, {"drop": drop} | options)


def write_parquet(dataset: xr.Dataset, path: str | Path, layout: str = "long") -> None:
    """Write a valid dataset as Parquet; attributes are not kept.

    Raises
    ------
    DatasetError
        If the dataset is not valid, or the file cannot be written.
    """
    require("pyarrow", path)
    try:
        write_atomically(path, to_frame(dataset, layout).to_parquet(None, engine="pyarrow", index=False))
    except OSError as error:
        raise DatasetError(f"'{path}' could not be written ({error}): check the folder.") from error


def _brief(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:120] or type(error).__name__
