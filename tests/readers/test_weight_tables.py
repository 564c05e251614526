"""Tables of numbers as programs write them: the numbers come back, or the cell that is none is named."""

import gzip

import numpy as np
import pandas as pd
import pytest

from tuneful.errors import DatasetError
from tuneful.readers.weight_tables import read_numbers

W = np.round(np.random.default_rng(0).normal(size=(5, 5)), 3)
NAMES = [f"cell {i}" for i in range(5)]
FRAMES = {
    "counted": pd.DataFrame(W),
    "named": pd.DataFrame(W, index=NAMES, columns=NAMES),
    "types": pd.DataFrame(W, index=list("EEEII"), columns=list("EEEII")),
    "numbered": pd.DataFrame(W, index=range(101, 106), columns=range(101, 106)),
    "named index": pd.DataFrame(W, index=pd.Index(range(1, 6), name="post"), columns=range(1, 6)),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("sep", "decimal"), [(",", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ".")])
@pytest.mark.parametrize("suffix", [".csv", ".txt", ".csv.gz"])
def test_tables_of_pandas(tmp_path, frame, sep, decimal, suffix):
    FRAMES[frame].to_csv(tmp_path / f"w{suffix}", sep=sep, decimal=decimal)
    np.testing.assert_array_equal(read_numbers(tmp_path / f"w{suffix}"), W)


@pytest.mark.parametrize("options", [{"index": False}, {"header": False}, {"index": False, "header": False}])
@pytest.mark.parametrize("sep", [",", ";", "\t", " "])
def test_tables_without_some_of_the_names(tmp_path, options, sep):
    frame = FRAMES["counted" if sep == " " else "types"]
    frame.to_csv(tmp_path / "w.csv", sep=sep, **options)
    np.testing.assert_array_equal(read_numbers(tmp_path / "w.csv"), W)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings(tmp_path, encoding):
    FRAMES["named"].to_csv(tmp_path / "w.csv", encoding=encoding)
    np.testing.assert_array_equal(read_numbers(tmp_path / "w.csv"), W)


def test_names_of_columns_as_r_writes_them(tmp_path):
    lines = [" ".join(f"V{i}" for i in range(5)), *(f"{i + 1} {' '.join(map(str, row))}" for i, row in enumerate(W))]
    (tmp_path / "w.txt").write_text("\n".join(lines))
    np.testing.assert_array_equal(read_numbers(tmp_path / "w.txt"), W)


def test_comments(tmp_path):
    (tmp_path / "w.txt").write_text("# two cells\n0 -1 # onto the first\n\n1 0\n")
    np.testing.assert_array_equal(read_numbers(tmp_path / "w.txt"), [[0, -1], [1, 0]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# only words\n", "holds no numbers"),
        (b"0,1\n2,x\n", "has 'x' in row 2, column 2"),
        (b"0,\n2,3\n", "has '' in row 1, column 2"),
        (b"0,1\n2\n", "rows of 1 to 2 cells"),
        (b"0;1,234\n5,678;0\n", "cannot be told whether the comma"),
        (b",a,b\nb,0,1\na,1,0\n", "in another order"),
        (b"\xff\xfe\x00", "neither UTF-8 nor UTF-16"),
        (gzip.compress(b"0,1\n1,0\n", mtime=0)[:-9], "could not be read"),
    ],
)
def test_what_is_no_table_of_numbers(tmp_path, content, message):
    path = tmp_path / ("w.csv.gz" if content.startswith(b"\x1f\x8b") else "w.csv")
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_numbers(path)
