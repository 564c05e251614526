"""Columns of a text table: what is a number, what is text, and which cell is a typing error.

Tables are read as text and converted here, so that numbers are exact to the last bit and a message can name
the cell.
"""

import re
import shlex

import numpy as np
import pandas as pd
import xarray as xr

from tuneful.curves import DatasetError, unit_properties
from tuneful.readers.names import Meaning, meaning
from tuneful.readers.text import is_number

Table = dict[str, pd.Series]

UNIT_COLUMNS = ("session", "area", "cell_type")  # properties of units that are written without the prefix
ENTRIES = ("rate", "rate_var", "n_trials")
PREFIX = "unit."  # marks a property of units that would be taken for a feature or a condition
EXAMPLE = (
    "a header 'unit,size,rate' and rows like 'a,0.5,3.2' (long), or a header 'unit,size=0.5,size=4' and rows "
    "like 'a,3.2,1.1' (wide)"
)
# In small letters.
MISSING = ("", "nan", "na", "n/a", "#n/a", "#na", "<na>", "null", "none", "-", "--", "–", "—", ".")
ALMOST = re.compile(r"[-+<>~]?\s*\d+([.,]\d+)*\s*(%|°|[a-zA-Z/]{1,6})?")  # 50%, 3,1, 90deg: numbers to a person
UNMEASURED = "correct it, or leave the cell empty if it was not measured"
BLANK = "for a condition without a stimulus give its features numbers too, with size or contrast 0"


def parse(column: pd.Series) -> np.ndarray:
    """A column as float64, int64, bool or text, whichever fits all of it; missing numbers are NaN.

    Only text written as Python writes integers becomes int64, so a label such as ``007`` stays text.

    >>> parse(pd.Series(["1.5", "", "NaN"]))
    array([1.5, nan, nan])
    >>> parse(pd.Series(["a", "b"]))
    array(['a', 'b'], dtype='<U1')
    """
    if pd.api.types.is_bool_dtype(column):
        return column.to_numpy(bool)
    if pd.api.types.is_integer_dtype(column) and not column.hasnans:
        return column.to_numpy(np.int64)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = as_text(column)
    present = is_present(cells)
    if all(map(is_number, cells[present])) and not _looks_like_code(cells):
        return _as_numbers(cells, present)
    if np.isin(cells, ("True", "False")).all():
        return cells == "True"
    return cells


def parse_numbers(column: pd.Series) -> np.ndarray:
    """A column as float64, NaN where missing; a `DatasetError` naming the first cell that is not a number."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = as_text(column)
    present = is_present(cells)
    for i in np.flatnonzero(present):
        if not is_number(cells[i]):
            _refuse_cell(column, cells, int(i))
    return _as_numbers(cells, present).astype(np.float64)


def as_text(column: pd.Series) -> np.ndarray:
    """A column as stripped numpy strings; missing cells are empty."""
    cells = column.to_numpy(object)
    if not all(type(cell) is str for cell in cells):
        cells = column.astype(object).where(column.notna(), "").astype(str).to_numpy(object)
    return np.array([cell.strip() for cell in cells], dtype=str)


def is_present(cells: np.ndarray) -> np.ndarray:
    """Which cells hold something, (rows,)."""
    return ~np.isin(np.char.lower(cells), MISSING)


def _looks_like_code(cells: np.ndarray) -> bool:
    return any(len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in cells)


def _as_numbers(cells: np.ndarray, present: np.ndarray) -> np.ndarray:
    if len(cells) and all(is_int64(cell) for cell in cells):
        return cells.astype(np.int64)
    values = np.full(len(cells), np.nan)
    values[present] = cells[present].astype(np.float64)
    return values


def is_int64(cell: str) -> bool:
    """Whether text is a whole number as Python writes it, of at most 18 digits."""
    return cell.removeprefix("-").isdigit() and len(cell) < 19 and str(int(cell)) == cell


def _refuse_cell(column: pd.Series, cells: np.ndarray, i: int, advice: str = UNMEASURED) -> None:
    cell = str(cells[i])
    if ALMOST.fullmatch(cell):
        advice = "write plain numbers with a decimal point, and their unit in the header"
    elif cell.casefold() in ("blank", "gray", "grey", "none", "spontaneous"):
        advice = f"{BLANK}, or leave it out by {dropping(str(column.name), cell)}"
    raise DatasetError(f"Column '{column.name}' has {cell!r} in data row {i + 1}, which is not a number: {advice}.")


def check_labelled(unit: pd.Series) -> None:
    """Refuse a row without a label of its unit.

    Raises
    ------
    DatasetError
        For the first of them.
    """
    missing = as_text(unit) == ""
    if missing.any():
        raise DatasetError(
            f"Column '{unit.name}' is empty in data row {missing.argmax() + 1}, where every row needs the label of "
            "its unit: fill it in, or remove that row."
        )


def dropping(name: str, cell: str) -> str:
    """How rows with this in a column are left out on the command line."""
    return f"--drop {shlex.quote(f'{name}={cell}')}"


def _are_names(cells: np.ndarray) -> bool:
    """Whether cells like 23A or 4b are names of things and no numbers: letters follow at once, and they differ."""
    ends = {re.sub(r"[-+\d.,]", "", str(cell)) for cell in cells}
    return all(re.fullmatch(r"\d+[a-zA-Z]+", str(cell)) for cell in cells) and len(ends) > 1


def describes_units(name: str) -> bool:
    """Whether a column describes units by its name, whatever it holds."""
    return name.startswith(PREFIX) or meaning(name) in (Meaning.PROPERTY, Meaning.SESSION)


def is_text(column: pd.Series) -> bool:
    """Whether an unmarked column is text (or yes and no), and so a property of units.

    Raises
    ------
    DatasetError
        If a column is mostly numbers but not entirely, or numbers with a unit or a decimal comma: that is a typing
        error and not a text column.
    """
    values = parse(column)
    if values.dtype.kind == "U" and not _looks_like_code(values):
        numeric = np.array([is_number(cell) for cell in values])
        almost = np.array([ALMOST.fullmatch(str(cell)) is not None for cell in values])
        present = is_present(values)
        if ((numeric | almost) & present).sum() > present.sum() / 2 and not _are_names(values[present]):
            _refuse_cell(column, values, int((present & ~numeric).argmax()))
    return values.dtype.kind not in "iuf"


def describes_by_text(column: pd.Series, advice: str = UNMEASURED) -> bool:
    """Whether a column of which nobody said what it is is a property of units, as text is.

    Parameters
    ----------
    column
        Its cells.
    advice
        What is to be done about a word among numbers.

    Raises
    ------
    DatasetError
        As in `is_text`; and if some cells are numbers, or signs without letters, and others are not.
    """
    if not is_text(column):
        return False
    cells = as_text(column)
    present = is_present(cells)
    numeric = np.array([is_number(cell) for cell in cells])
    signs = np.array([not any(map(str.isalnum, cell)) for cell in cells])
    if (present & (numeric | signs)).any() and not _looks_like_code(cells):
        _refuse_cell(column, cells, int((present & ~numeric).argmax()), advice)
    return True


def unit_table(dataset: xr.Dataset) -> dict[str, np.ndarray]:
    """Labels and properties of units as columns, marked so that they are read as such."""
    return {"unit": dataset["unit"].values} | {
        name if name in UNIT_COLUMNS else PREFIX + name: values for name, values in unit_properties(dataset).items()
    }
