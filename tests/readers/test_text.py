"""The one parser of text tables, against the csv module's own examples and NumPy's reader."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuneful.readers.text import decoded, is_number, lines_of, numbers_of

CELLS = (
    st.floats().map(repr) | st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["+3", " 4", "5 ", "1E400", "x"])
)


@st.composite
def tables(draw):
    """Text as people write it: any separator, comments, empty lines, a row that is too short, a cell with a word."""
    width = draw(st.integers(1, 3))
    rows = st.lists(CELLS, min_size=width, max_size=width) | st.lists(CELLS, min_size=1, max_size=3)
    separator = draw(st.sampled_from([",", ";", "\t", " ", "  "]))
    comments = st.sampled_from(["", "", "# c, d", "#"])
    lines = [separator.join(row) + draw(comments) for row in draw(st.lists(rows, min_size=1, max_size=4))]
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n", "\n# a, b\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


def either(read, text):
    """What was read, or the first part of what was said instead."""
    try:
        return read(text)
    except ValueError as error:
        return str(error).split(";")[0].rstrip(".")


def numpy_reads(text):
    """NumPy has to be told the separator, and finds it out where it is alone in the first line of numbers."""
    first = next(line for line in text.splitlines() if line.split("#")[0].strip()).split("#")[0]
    separator = next((mark for mark in ",;\t" if mark in first), None)
    return np.loadtxt(io.StringIO(text), delimiter=separator, ndmin=2)


@given(tables())
@example("1,2\n3\n")
@example("1,\n3,4\n")
@example("1_0")
def test_numbers_and_errors_are_those_of_numpy(text):
    expected, found = either(numpy_reads, text), either(numbers_of, text)
    if isinstance(expected, str):
        assert found == expected
    else:
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_every_system(end):
    np.testing.assert_array_equal(numbers_of(end.join(["# a", "1 2", "", " ", "3 4", ""])), [[1, 2], [3, 4]])
    assert lines_of(end.join(["a,b", "", "1,2"]), ",") == [(1, ["a", "b"]), (3, ["1", "2"])]


@given(st.lists(st.lists(st.text(), min_size=2, max_size=3), max_size=4), st.sampled_from([",", "\t"]))
def test_cells_in_quotation_marks_hold_anything(rows, separator):
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [cells for _, cells in lines_of(stream.getvalue(), separator)] == rows


def test_quotation_marks_are_no_numbers():
    with pytest.raises(ValueError, match="could not convert string '\"1\"' to float64 at row 0, column 1"):
        numbers_of('"1",2\n')


@pytest.mark.parametrize("text", ["", "\n\n", "# only words\n", "  \n\t\n"])
def test_tables_without_numbers(text):
    with pytest.raises(ValueError, match="holds no numbers"):
        numbers_of(text)


def test_the_mark_of_spreadsheets_is_no_text():
    assert decoded("\ufeffa,b".encode()) == "a,b"
    with pytest.raises(UnicodeDecodeError):
        decoded("naïve".encode("latin-1"))


def test_numbers_as_people_write_them():
    assert [cell for cell in ("1", " 2.5 ", "-1e-3", "nan", "1_000", "", "1,5", "x") if is_number(cell)] == [
        "1", " 2.5 ", "-1e-3", "nan",
    ]  # fmt: skip
