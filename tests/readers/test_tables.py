"""Tables in files and in memory."""

import doctest

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful.curves import DatasetError
from tuneful.readers import from_frame, load, save, tables

NAN = np.nan


@settings(max_examples=30)
@given(chosen=st.data())
def test_long_tables_round_trip(tmp_path_factory, datasets, chosen):
    data = chosen.draw(datasets())
    path = tmp_path_factory.mktemp("long") / "curves.csv"
    save(data, path)
    xr.testing.assert_identical(load(path), data)


@settings(max_examples=30)
@given(chosen=st.data())
def test_wide_tables_round_trip(tmp_path_factory, datasets, chosen):
    data = chosen.draw(datasets(optional=False, labelled=False))
    path = tmp_path_factory.mktemp("wide") / "curves.tsv"
    save(data, path, layout="wide")
    xr.testing.assert_identical(load(path), data)


def test_data_frames():
    wide = pd.DataFrame({"size=1": [1, 2], "size=2": [3, 4]}, index=["a", "b"])
    assert load(wide)["unit"].values.tolist() == ["a", "b"]
    long = pd.DataFrame({"unit": [1, 1], "size": [1, 2], "rate": [3, None]}).astype({"unit": "Int64"})
    with pytest.raises(DatasetError, match=r"Condition 1 \(size=2.0\) was never measured"):
        load(long)
    assert from_frame(long.iloc[:1])["rate"].item() == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("unit,size,rate\n", "a header but no rows"),
        ("unit,area\na,V1\n", r"No column holds rates \(found: unit, area\): expected a header 'unit,size,rate'"),
        ("size,rate\n1,2\n", r"no column 'unit' \(found: size, rate\)"),
        ("unit,rate\na,2\n", r"No column tells the conditions apart \(found: unit, rate\)"),
        ("unit,size,size,rate\na,1,1,2\n", "Two columns are called 'size'"),
        (",unit,size,rate\n0,a,1,2\n", "Column 1 has no name"),
        ("unit,size,rate\na,1,2\na,1,3\n", r"Unit 'a' has two rates for size=1.0 \(data rows 1 and 2\)"),
        ("unit,size,rate\na,1,2\na,2,fast\n", "Column 'rate' has 'fast' in data row 2"),
        ("unit,size,rate\na,1,2\na,2,2\na,3x,2\n", "Column 'size' has '3x' in data row 3"),
        ("unit,size,rate\na,1,2\na,,3\n", "Column 'size' is empty in data row 2"),
        ("unit,size,rate\na,1,2\n,2,3\n", "Column 'unit' is empty in data row 2"),
        (
            "unit,side,size,rate\na,l,1,2\na,r,2,3\n",
            "Column 'side' describes units, but unit 'a' has both 'l' and 'r'",
        ),
        ("unit,size,rate\na,1,2\na,2\n", "Line 3 of .* has 2 cells where the header has 3"),
        ("unit;size;rate\n\na;1,5;2\nb;2\n", "Line 4 of .* separated by semicolons"),
        ("unit,x=1,x=2\na,1,-3\n", r"unit 'a' in condition 1 \(x=2.0\) is -3 Hz"),
        ("unit,x=1,x=2\na,1,2\na,1,2\n", "2 units are called 'a'"),
        ("unit,x=1,y=2\na,1,2\n", "Header 'y=2' does not have the same features as 'x=1'"),
        ("unit,x=1,x=up\na,1,2\n", "Feature 'x' is not a number in every header"),
        ("unit,x=1,x=2\na,1,2\nb,1,#N\n", "Column 'x=2' has '#N' in data row 2"),
        ("unit,left,right\na,1,2\nb,1,2\nc,1,#N\n", "Column 'right' has '#N' in data row 3"),
    ],
)
def test_bad_tables_are_named_in_one_sentence(tmp_path, text, message):
    path = tmp_path / "curves.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_the_examples_run():
    found = doctest.testmod(tables)
    assert found.failed == 0
    assert found.attempted > 0


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("unit,size=1,size=2\na,-0.5,1\n", {"rate_unit": "a.u."}),
        ("unit,size,rate (a.u.)\na,1,-0.5\na,2,1\n", {}),
        ("unit,size,rate\na,1,-0.5\na,2,1\n", {"rate_unit": "a.u."}),
    ],
)
def test_responses_that_are_no_rates_may_be_negative(tmp_path, text, options):
    (tmp_path / "t.csv").write_text(text)
    dataset = load(tmp_path / "t.csv", **options)
    assert dataset["rate"].attrs["units"] == "a.u."
    assert dataset["rate"].values.tolist() == [[-0.5, 1.0]]
    with pytest.raises(DatasetError, match=r"Responses are in Hz, events, a\.u\."):
        load(tmp_path / "t.csv", rate_unit="furlongs")
