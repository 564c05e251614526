"""Encodings, separators and decimal marks."""

import gzip

import pytest

from tuneful.curves import DatasetError
from tuneful.readers import delimited, load
from tuneful.readers.delimited import read_cells

LONG = [["unit", "size", "rate"], ["a", "0.5", "3.1"], ["a", "4", "1.2"], ["b", "0.5", "0.75"]]


def written(path, rows, separator=",", encoding="utf-8", first=""):
    path.write_bytes((first + "".join(separator.join(row) + "\r\n" for row in rows)).encode(encoding))
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt"])
def test_the_separator_is_the_one_that_the_lines_agree_on(tmp_path, separator, suffix):
    data = load(written(tmp_path / f"curves{suffix}", LONG, separator))
    assert data["unit"].values.tolist() == ["a", "b"]
    assert data["rate"].values[0].tolist() == [3.1, 1.2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_of_spreadsheets(tmp_path, encoding):
    rows = [["unit", "area", "size=0.5", "size=4"], ["ä", "V1", "3.1", "1.2"], ["b", "V1", "1", "2"]]
    assert load(written(tmp_path / "a.csv", rows, "\t", encoding))["unit"].values.tolist() == ["ä", "b"]


def test_what_is_no_text_is_named(tmp_path):
    written(tmp_path / "a.csv", [["unit", "size", "rate"], ["ä", "1", "2"]], encoding="latin-1")
    with pytest.raises(DatasetError, match="neither UTF-8 nor UTF-16"):
        load(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(b"unit,size,rate\n")
    with pytest.raises(DatasetError, match="could not be read as a text table"):
        load(tmp_path / "a.csv.gz")


def test_packed_tables_are_unpacked_to_a_bound(tmp_path, monkeypatch):
    path = tmp_path / "curves.tsv.gz"
    path.write_bytes(gzip.compress("".join("\t".join(row) + "\n" for row in LONG).encode()))
    assert load(path).sizes["unit"] == 2
    monkeypatch.setattr(delimited, "LARGEST", 20)
    with pytest.raises(DatasetError, match="holds more than"):
        load(path)


def test_decimal_commas(tmp_path):
    rows = [["unit", "size", "rate"], ["a,b", "0,5", "3,1"], ["a,b", "4", "12,25"]]
    data = load(written(tmp_path / "a.csv", rows, ";"))
    assert (data["unit"].item(), data["size"].values.tolist()) == ("a,b", [0.5, 4.0])
    assert data["rate"].values.tolist() == [[3.1, 12.25]]
    wide = [["unit", "size=0,5", "size=4"], ["a", "3,1", "1"], ["b", "2", "3"]]
    assert load(written(tmp_path / "a.csv", wide, ";"))["size"].values.tolist() == [0.5, 4.0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["unit", "size", "rate"], ["a", "1", "1,234"], ["a", "2", "2,500"]], "thousands or decimals"),
        ([["unit", "size", "rate"], ["a", "1.5", "3,1"], ["a", "2", "2"]], "Column 'rate' has '3,1' in data row 1"),
        ([["unit", "size", "rate"], ["a", "1", "1,234,5"], ["a", "2", "2"]], "Column 'rate' has '1,234,5'"),
    ],
)
def test_a_comma_that_may_mean_something_else(tmp_path, rows, message):
    path = written(tmp_path / "a.csv", rows, ";")
    with pytest.raises(DatasetError, match=message):
        load(path)


def test_what_a_comma_means_can_be_said(tmp_path):
    path = written(tmp_path / "a.csv", [["unit", "size", "rate"], ["a", "1", "1,234"], ["a", "2", "2,500"]], ";")
    assert load(path, decimal=",")["rate"].values.tolist() == [[1.234, 2.5]]
    path = written(tmp_path / "b.csv", [["unit", "size", "rate"], ["a", "1", "2"]], "!")
    assert load(path, separator="!")["rate"].item() == 2


@pytest.mark.parametrize("first", ["sep=;\r\n", '"SEP=;"\r\n'])
def test_a_spreadsheet_names_its_separator(tmp_path, first):
    path = written(tmp_path / "a.csv", LONG, ";", first=first)
    assert list(read_cells(path)) == LONG[0]


def test_columns_and_lines_of_nothing_are_left_out(tmp_path):
    rows = [[*row, ""] for row in LONG]
    assert load(written(tmp_path / "a.csv", [*rows, ["", "", "", ""]]))["rate"].shape == (2, 2)


def test_what_stands_above_the_header_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"Line 2 .* remove what stands above the names of columns"):
        load(written(tmp_path / "a.csv", LONG, first="Recorded in 2020\r\n"))


def test_one_column_is_no_table(tmp_path):
    (tmp_path / "a.csv").write_text("x=1\n3\n4\n")
    with pytest.raises(DatasetError, match="has one column only"):
        load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": [1]}, r"decimal is a point or a comma, and not \[1\]"),
        ({"separator": 5}, "separator is one character, such as ';', and not 5"),
        ({"separator": ""}, "separator is one character"),
    ],
)
def test_what_is_no_mark_is_refused(tmp_path, options, message):
    with pytest.raises(DatasetError, match=message):
        load(written(tmp_path / "curves.csv", LONG), **options)


@pytest.mark.parametrize("header", ["unit;size,rate", "unit,size;rate;n_trials"])
def test_a_header_with_two_separators_is_refused(tmp_path, header):
    mark = header[4]
    (tmp_path / "a.csv").write_text(header + "\n" + f"a{mark}1{mark.translate({44: 59, 59: 44})}3\n" * 2)
    with pytest.raises(DatasetError, match=r"in one cell, where .* separate cells: separate all of them alike"):
        load(tmp_path / "a.csv")


@pytest.mark.parametrize("between", [";", " ", ", "])
def test_features_in_a_header_may_have_spaces_or_commas_between_them(tmp_path, between):
    names = [f'"size={size}{between}contrast=20"' for size in (1, 2)]
    (tmp_path / "a.csv").write_text(f"unit,{names[0]},{names[1]}\na,3,4\nb,5,6\n")
    data = load(tmp_path / "a.csv")
    assert (data["size"].values.tolist(), data["contrast"].values.tolist()) == ([1, 2], [20, 20])


def test_a_name_may_hold_another_separator(tmp_path):
    (tmp_path / "a.csv").write_text('unit;"size, deg";rate\na;1;3\na;2;4\n')
    assert load(tmp_path / "a.csv")["size, deg"].values.tolist() == [1, 2]
