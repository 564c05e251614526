"""Text tables: the one parser of everything that is separated by commas, tabs, semicolons or spaces.

Text is UTF-8, perhaps with the mark that spreadsheets put first. Lines end as they do on any system, and lines that
hold nothing but space are left out.
"""

import csv
import io
import re

import numpy as np

COMMENT = "#"  # begins a comment in a table of plain numbers
SEPARATORS = (",", ";", "\t")  # of such a table; spaces if there is none of them
Line = tuple[int, list[str]]  # its number in the file, and its cells


def decoded(content: bytes) -> str:
    """The text of a file.

    Raises
    ------
    UnicodeDecodeError
        If it is not UTF-8.
    """
    return content.decode("utf-8-sig")


def lines_of(text: str, separator: str | None, quotes: bool = True) -> list[Line]:
    """Line numbers and cells.

    Parameters
    ----------
    text
        The whole table.
    separator
        What stands between two cells; None stands for any amount of space.
    quotes
        Whether a cell may be put in quotation marks, so as to hold separators.

    Raises
    ------
    csv.Error
        If a cell is longer than any cell is.

    >>> lines_of('a,"b,c"\\n\\n1,2\\n', ",")
    [(1, ['a', 'b,c']), (3, ['1', '2'])]
    """
    if separator is None:
        split = ((number, line.split()) for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1))
        return [(number, cells) for number, cells in split if cells]
    style = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=style)
    return [(reader.line_num, cells) for cells in reader if len(cells) > 1 or any(map(str.strip, cells))]


def numbers_of(text: str) -> np.ndarray:
    """A table of plain numbers, (rows, columns), float64; the separator is the one that its first line has.

    Raises
    ------
    ValueError
        If a cell is not a number, rows are of different lengths, or there is none.

    >>> numbers_of("# two rows\\n1; 2.5\\n3; nan\\n")
    array([[1. , 2.5],
           [3. , nan]])
    """
    text = re.sub(rf"{COMMENT}[^\r\n]*", "", text)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise ValueError("it holds no numbers")
    separator = next((mark for mark in SEPARATORS if mark in first), None)
    rows = [cells for _, cells in lines_of(text, separator, quotes=False)]
    return np.array([_row(cells, i, len(rows[0])) for i, cells in enumerate(rows)])


def _row(cells: list[str], i: int, length: int) -> list[float]:
    if len(cells) != length:
        raise ValueError(f"the number of columns changed from {length} to {len(cells)} at row {i + 1}")
    try:
        return [_number(cell) for cell in cells]
    except ValueError as error:
        j = next(j for j, cell in enumerate(cells) if not is_number(cell))
        raise ValueError(f"could not convert string {cells[j]!r} to float64 at row {i}, column {j + 1}") from error


def is_number(cell: str) -> bool:
    """Whether a cell is a number."""
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> float:
    if "_" in cell:
        raise ValueError("Python reads 1_000, people and spreadsheets do not")
    return float(cell)
