"""Excel and Parquet files."""

import io
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xarray as xr

from tuneful import load, save
from tuneful.curves import DatasetError, make_dataset

HEADER = ["unit", "size (deg)", "rate", "area"]
ROWS = [["a", 0.5, 3.1, "V1"], ["a", 4, 1.2, "V1"], [7, 0.5, None, "LM"], [7, 4, 0.25, "LM"]]


def book(path, **sheets):
    written = openpyxl.Workbook()
    written.remove(written.active)
    for name, rows in sheets.items():
        sheet = written.create_sheet(name)
        for row in rows:
            sheet.append(row)
    written.save(path)


def test_a_sheet_is_a_table(tmp_path):
    book(tmp_path / "a.xlsx", curves=[[None] * 5, [None, *HEADER], *([None, *row] for row in ROWS)], empty=[])
    data = load(tmp_path / "a.xlsx")
    assert data["unit"].values.tolist() == ["a", "7"]
    assert data["size"].attrs["units"] == "deg"
    np.testing.assert_array_equal(data["rate"], [[3.1, 1.2], [np.nan, 0.25]])


def test_one_of_several_sheets_is_chosen(tmp_path):
    book(tmp_path / "a.xlsx", one=[HEADER, *ROWS], two=[HEADER, *ROWS[:2]])
    with pytest.raises(DatasetError, match=r"sheet=..., one of one, two"):
        load(tmp_path / "a.xlsx")
    assert load(tmp_path / "a.xlsx", sheet="two", drop="size=4").sizes == {"unit": 1, "condition": 1}
    with pytest.raises(DatasetError, match=r"no sheet 'tow'.*Did you mean 'two'"):
        load(tmp_path / "a.xlsx", sheet="tow")


@pytest.mark.parametrize("labelled", [True, False])
def test_parquet_round_trips(tmp_path, labelled):
    values = {"size": [0.1 + 0.2, 4.0]} | ({"condition": ["first", "second"]} if labelled else {})
    units = {"area": ["V1", "LM"], "depth": [1.5, np.nan], "grid": [1, 2]}
    data = make_dataset([[0.1, 1 / 3], [np.nan, 2.0]], values, units, ["a", "b"], [[1.0, 2.0], [np.nan, 4.0]])
    save(data, tmp_path / "a.parquet")
    xr.testing.assert_equal(load(tmp_path / "a.parquet"), data)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([HEADER], {}, "no sheet with a header and a row"),
        ([], {}, "no sheet with a header and a row"),
        ([["unit", None, "rate"], ["a", 0.7, 2], ["b", 0.9, 2]], {}, "Column 2 has no name"),
        ([["unit", "size", "size", "rate"], ["a", 1, 1, 1]], {}, "Two columns are called 'size'"),
        ([HEADER, ["a", 1, "#DIV/0!", "V1"]], {}, "#DIV/0!.*not a number"),
        ([HEADER, *ROWS, ["b", 1, "=C2 / 2", "V1"]], {}, "a formula in C6 of sheet 'Sheet' without its value: open"),
        ([HEADER, ["=B2", "=1", "=2", "=3"]], {}, "a formula in A2 of sheet 'Sheet' without its value: open"),
        ([HEADER, *ROWS], {"separator": ";"}, "'separator' does not apply"),
        ([HEADER, *ROWS], {"posture": 1}, "'posture' does not apply"),
    ],
)
def test_sheets_that_cannot_be_used(tmp_path, rows, options, message):
    book(tmp_path / "a.xlsx", Sheet=rows)
    with pytest.raises(DatasetError, match=message):
        load(tmp_path / "a.xlsx", **options)


def test_files_that_are_none(tmp_path, monkeypatch):
    book(tmp_path / "a.xlsx", Sheet=[HEADER, *ROWS])
    whole = (tmp_path / "a.xlsx").read_bytes()
    pd.DataFrame({"unit": ["a"]}).to_parquet(tmp_path / "a.parquet")
    with io.BytesIO() as other, zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "x")
        archive.close()
        no_book = other.getvalue()
    for name, content in {
        "b.xlsx": whole[:-30],
        "c.xlsx": no_book,
        "d.xlsx": b"unit,rate",
        "e.parquet": b"PAR1",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatasetError, match="could not be read as"):
            load(tmp_path / name)
    monkeypatch.setattr("tuneful.readers.sheets.LARGEST", 1000)
    with pytest.raises(DatasetError, match="unpacks to more than"):
        load(tmp_path / "a.xlsx")
    monkeypatch.setattr("tuneful.readers.sheets.LARGEST", 5)
    with pytest.raises(DatasetError, match="holds more than"):
        load(tmp_path / "a.parquet")


def test_text_of_parquet_that_is_no_text(tmp_path):
    table = pd.DataFrame({"unit": ["abcdefgh"], "size": [1.0], "rate": [2.0]})
    table.to_parquet(tmp_path / "a.parquet", compression=None)
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content.replace(b"abcdefgh", b"abcd\xfffgh"))
    with pytest.raises(DatasetError, match=r"could not be read as Parquet .*Invalid UTF8"):
        load(tmp_path / "a.parquet")


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(DatasetError, match=r"pip install 'tuneful\[excel\]'"):
        load(tmp_path / "a.xlsx")
