"""Text tables as people's programs write them: any encoding, separator and decimal mark that can be told for sure."""

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tuneful.errors import DatasetError
from tuneful.readers.columns import EXAMPLE, as_text, is_present
from tuneful.readers.names import Meaning, meaning
from tuneful.readers.text import Line, decoded, is_number, lines_of

LARGEST = 2**28  # bytes of text: some ten times as much is needed while it is read
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", None: "spaces"}
OWN = {".tsv": "\t"}  # what a suffix promises; commas elsewhere
MARKS = {  # of encodings, the longer ones first, which begin with the shorter ones
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
FEATURE_HEADER = re.compile(r"[^=;]+=[^=;]*(;[^=;]+=[^=;]*)*")  # x=-1;y=0;z=1
PAIRS = re.compile(r"[^=;,\s]+=[^=;,\s]+([\s,]+[^=;,\s]+=[^=;,\s]+)+")  # x=-1 y=0, or x=-1, y=0
DECIMAL_COMMA = re.compile(r"([-+]?\d*),(\d+(?:[eE][-+]?\d+)?)")
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")


def read_cells(path: Path, separator: str | None = None, decimal: str | None = None) -> pd.DataFrame:
    """The cells of a text table as text, with the names in its first line.

    Parameters
    ----------
    path
        The file; ``.gz`` is unpacked.
    separator
        What stands between cells; by default the one that the lines agree on.
    decimal
        "." or ","; by default a comma only where cells are separated by something else.

    Raises
    ------
    DatasetError
        If it is empty, not text, lines have different numbers of cells, it cannot be told what a comma means, or
        `separator` or `decimal` is none.
    """
    if separator is not None and (not isinstance(separator, str) or len(separator) != 1):
        raise DatasetError(f"The option separator is one character, such as ';', and not {separator!r}.")
    if decimal not in (None, ".", ","):
        raise DatasetError(f"The option decimal is a point or a comma, and not {decimal!r}.")
    lines, mark = _split(path, text_of(path), separator)
    (_, header), *rows = lines or [(0, [])]
    if not rows:
        raise DatasetError(f"'{path}' {'has a header but no rows' if header else 'is empty'}: expected {EXAMPLE}.")
    for number, cells in rows:
        if len(cells) != len(header):
            advice = f"is the file complete, and separated by {SEPARATORS.get(mark, repr(mark))}?"
            if len(header) == 1 < len(cells):
                advice = "remove what stands above the names of columns, or " + advice
            raise DatasetError(
                f"Line {number} of '{path}' has {len(cells)} cells where the header has {len(header)}: {advice}"
            )
    if mixed := [name for name in header if mark is not None and _holds_names(name, mark)]:
        raise DatasetError(
            f"The header of '{path}' has {mixed[0].strip()!r} in one cell, where {SEPARATORS.get(mark, repr(mark))} "
            "separate cells: separate all of them alike."
        )
    names = pd.Index([name.strip() for name in header])
    frame = pd.DataFrame([cells for _, cells in rows], columns=names, dtype=object)
    return with_points(frame, path, decimal or ("." if mark == "," else None))


def text_of(path: Path) -> str:
    """The text of a file, unpacked and decoded.

    Raises
    ------
    DatasetError
        If it is neither UTF-8 nor UTF-16, damaged, or larger than any table.
    """
    try:
        content = _unpacked(path)
        encoding = _encoding(content)
        return decoded(content) if encoding is None else content.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"'{path}' could not be read as a text table ({error.reason} at byte {error.start}; neither UTF-8 nor "
            "UTF-16): save it as UTF-8."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"'{path}' could not be read as a text table ({error}): expected {EXAMPLE}.") from error


def _encoding(content: bytes) -> str | None:
    """The encoding that a mark at the beginning names, or that zeros betray; None for UTF-8."""
    if marked := next((encoding for mark, encoding in MARKS.items() if content.startswith(mark)), None):
        return marked
    start = content[:64]
    if b"\0" not in start:
        return None
    return "utf-16-be" if start[::2].count(0) > start[1::2].count(0) else "utf-16-le"


def _unpacked(path: Path) -> bytes:
    with gzip.open(path) if path.suffix.lower() == ".gz" else open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise DatasetError(f"'{path}' holds more than {LARGEST >> 20} MiB of text: save it as .npz or .nc.")
    return content


def _split(path: Path, text: str, asked: str | None) -> tuple[list[Line], str | None]:
    """Lines of cells, and what separates them."""
    named = re.match(r'(?i)"?sep=(.)"?\r?\n', text)  # a first line that spreadsheets write
    text = text[named.end() :] if named else text
    asked = asked or (named[1] if named else None)
    own = OWN.get(path.with_suffix("").suffix.lower() if path.suffix == ".gz" else path.suffix.lower(), ",")
    if asked is not None:
        return _lines(path, text, asked), asked
    first = next((line for line in text.splitlines() if line.strip()), "")
    candidates = [mark for mark in dict.fromkeys((own, *SEPARATORS)) if mark is None or mark in first]
    tried: dict[str | None, list[Line]] = {}
    for mark in candidates:
        lines = tried[mark] = _lines(path, text, mark)
        if _has_header(lines) and _is_even(lines):
            return lines, mark
    for mark, lines in tried.items():
        if _is_even(lines) and len(lines[0][1]) > 1:
            return lines, mark
    mark = next((mark for mark, lines in tried.items() if _has_header(lines)), own)
    lines = tried.get(mark) or _lines(path, text, mark)
    if len(lines) > 1 and _is_even(lines):
        raise DatasetError(
            f"'{path}' has one column only ({lines[0][1][0].strip()!r}), if {SEPARATORS[own]} separate cells: "
            f"give the separator (--option separator=...), or expected is {EXAMPLE}."
        )
    return lines, mark


def _lines(path: Path, text: str, separator: str | None) -> list[Line]:
    """Lines of cells; lines of empty cells are left out, as spreadsheets write them at the end."""
    try:
        lines = lines_of(text, separator)
    except (csv.Error, TypeError) as error:
        raise DatasetError(f"'{path}' could not be read as a text table ({error}): expected {EXAMPLE}.") from error
    return [(number, cells) for number, cells in lines if any(map(str.strip, cells))]


def _is_even(lines: Sequence[Line]) -> bool:
    return len({len(cells) for _, cells in lines}) == 1


def _has_header(lines: Sequence[Line]) -> bool:
    """Whether the first line has several cells, and they read like a header."""
    cells = lines[0][1] if lines else []
    is_header = any(meaning(cell) is Meaning.UNIT for cell in cells) or all(map(FEATURE_HEADER.fullmatch, cells))
    return len(cells) > 1 and is_header


def feature_header(name: str) -> str:
    """A header with semicolons between its features, where it has spaces or commas there; any other as it is.

    >>> feature_header("size=5 contrast=20"), feature_header("size=5, contrast=20"), feature_header("size 5")
    ('size=5;contrast=20', 'size=5;contrast=20', 'size 5')
    """
    return re.sub(r"[\s,]+", ";", name) if PAIRS.fullmatch(name) else name


def _holds_names(cell: str, mark: str) -> bool:
    """Whether a cell holds several names that are known, with another separator between them."""
    others = (cell.split(other) for other in SEPARATORS if other not in (None, mark))
    return any(len(parts) > 1 and all(map(meaning, parts)) for parts in others)


def with_points(frame: pd.DataFrame, path: Path, decimal: str | None) -> pd.DataFrame:
    """Numbers with decimal points; a comma is taken for one where all numbers of the table agree.

    Raises
    ------
    DatasetError
        If commas may mark thousands as well.
    """
    if decimal == "." or not any("," in cell for column in frame for cell in (column, *frame[column])):
        return frame
    cells = [cell.strip() for name in frame for cell in frame[name]] if frame.columns.is_unique else []
    with_comma = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell)]
    if decimal is None:
        if any("." in cell and is_number(cell) for cell in cells):
            return frame  # cells with a comma are then named as what they are: no numbers
        if with_comma and all(THOUSANDS.fullmatch(cell) for cell in with_comma):
            raise DatasetError(
                f"'{path}' has numbers like {with_comma[0]!r}, and it cannot be told whether the comma marks "
                "thousands or decimals: say --option decimal=, or --option decimal=. after removing them."
            )
    changed = {name: _converted(pd.Series(cells)) for name, cells in frame.items()}
    converted = pd.DataFrame(changed) if frame.columns.is_unique else frame
    return converted.set_axis([_header_with_points(name) for name in converted.columns], axis="columns")


def _converted(column: pd.Series) -> pd.Series:
    """A column of numbers with points for commas; any other column as it is."""
    points = column.map(_with_point)
    cells = as_text(points)
    is_label = meaning(str(column.name)) in (Meaning.UNIT, Meaning.CONDITION)
    return column if is_label or not all(map(is_number, cells[is_present(cells)])) else points


def _with_point(cell: str) -> str:
    """A number with a decimal point, if it has a comma."""
    return DECIMAL_COMMA.sub(r"\1.\2", cell) if _is_decimal(cell) else cell


def _is_decimal(cell: str) -> bool:
    return DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def _header_with_points(name: str) -> str:
    if not FEATURE_HEADER.fullmatch(name):
        return name
    parts = [part.partition("=") for part in name.split(";")]
    return ";".join(key + "=" + _with_point(value) for key, _, value in parts)
