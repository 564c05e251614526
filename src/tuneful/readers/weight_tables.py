"""Tables of numbers that people's programs write: with or without names of rows and columns, any separator."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tuneful.errors import DatasetError
from tuneful.readers.delimited import OWN, SEPARATORS, text_of, with_points
from tuneful.readers.text import COMMENT, is_number, lines_of

Rows = list[list[str]]
EXPECTED = "expected are rows of numbers, perhaps with names in the first row and column"


def read_numbers(path: Path) -> np.ndarray:
    """The numbers of a text table, (rows, columns), float64, without names of rows and columns.

    Names are a first row or column without numbers, or one that counts from 0 or 1 where there is one row or column
    too many for a square. What stands behind a # is a comment.

    Raises
    ------
    DatasetError
        If it is not text, a cell is not a number, rows are of different lengths, names of rows and columns are the
        same in another order, or it cannot be told what a comma means.
    """
    text = re.sub(rf"(^|\s){COMMENT}[^\r\n]*", r"\1", text_of(path), flags=re.MULTILINE)
    if not text.strip():
        raise DatasetError(f"'{path}' holds no numbers: {EXPECTED}.")
    tried = list(_tried(path, text))
    for cells in tried:
        if cells and all(is_number(cell) for row in cells for cell in row):
            return np.array(cells, dtype=np.float64)
    raise DatasetError(f"'{path}' {_wrong(max(tried, key=_numbers, default=[]))}: {EXPECTED}.")


def _tried(path: Path, text: str) -> Iterator[Rows]:
    """The cells without names, for every separator by which rows have the same length."""
    own = OWN.get(path.with_suffix("").suffix.lower() if path.suffix == ".gz" else path.suffix.lower(), ",")
    first = next(line for line in text.splitlines() if line.strip())
    lengths: set[int] = set()
    is_even = False
    for mark in dict.fromkeys((own, *SEPARATORS)):
        if mark is not None and mark not in first:
            continue
        rows = [[cell.strip() for cell in cells] for _, cells in lines_of(text, mark) if any(map(str.strip, cells))]
        if len(rows) > 1 and len(rows[0]) == len(rows[1]) - 1:
            rows[0] = ["", *rows[0]]  # names of columns alone, as R writes them
        if lengths and len(rows[0]) == 1:
            continue  # something else stands between the cells
        lengths = lengths or {len(row) for row in rows}
        if len({len(row) for row in rows}) == 1:
            is_even = True
            yield _without_names(path, _with_points(path, rows, mark))
    if not is_even:
        raise DatasetError(f"'{path}' has rows of {min(lengths)} to {max(lengths)} cells: {EXPECTED}.")


def _with_points(path: Path, rows: Rows, mark: str | None) -> Rows:
    """Decimal points for decimal commas."""
    if mark == "," or not any("," in cell for row in rows for cell in row):
        return rows
    has_names = _has_header([[cell.replace(",", ".") for cell in row] for row in rows])
    frame = pd.DataFrame(rows[has_names:], columns=pd.Index(map(str, range(len(rows[0])))), dtype=object)
    return rows[:has_names] + with_points(frame, path, None).to_numpy().tolist()


def _without_names(path: Path, rows: Rows) -> Rows:
    """The cells that are not names of rows or columns."""
    columns, body = (rows[0], rows[1:]) if _has_header(rows) else ([], rows)
    labels, width = [row[0] for row in body], len(rows[0])
    are_names = bool(labels) and all(cell and not is_number(cell) for cell in labels)
    is_index = are_names or bool(columns and (not columns[0] or columns[1:] == labels)) or _counts(labels, width - 1)
    if width == 1 or not is_index:
        return body
    if sorted(columns[1:]) == sorted(labels) and columns[1:] != labels:
        raise DatasetError(f"'{path}' names the same cells in rows and columns, in another order: sort one of them.")
    return [row[1:] for row in body]


def _has_header(rows: Rows) -> bool:
    """Whether the first row names columns: it has no numbers, or a corner and names, or counts."""
    first, width = rows[0], len(rows[0])
    if len(rows) == width - 1 and all(row[0] and not is_number(row[0]) for row in rows) and is_number(first[-1]):
        return False  # a square with names of rows alone
    has_corner = len(rows) > 1 and width > 1 and not is_number(first[0]) and all(first[1:])
    return has_corner or all(cell and not is_number(cell) for cell in first) or _counts(first, len(rows) - 1)


def _counts(cells: Sequence[str], n: int) -> bool:
    """Whether these are numbers of more than two cells, n of them."""
    return len(cells) == n > 2 and any(list(cells) == [str(first + i) for i in range(n)] for first in (0, 1))


def _numbers(cells: Rows) -> int:
    return sum(is_number(cell) for row in cells for cell in row)


def _wrong(cells: Rows) -> str:
    """The first cell that is no number."""
    for i, row in enumerate(cells, start=1):
        for j, cell in enumerate(row, start=1):
            if not is_number(cell):
                return f"has {cell[:40]!r} in row {i}, column {j} of its numbers, which is none"
    return "holds no numbers"
