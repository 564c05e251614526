import doctest
import hashlib
import shutil

import numpy as np
import pandas as pd
import pooch
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuneful.curves import DatasetError, describe, make_dataset, validate
from tuneful.readers import columns, fetch_lalazar, from_frame, load, read_lalazar, save, tables
from tuneful.readers.lalazar import POSITIONS, SHA256, STATISTICS

NAN = np.nan
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1).map(str.strip)
WORDS = TEXT.filter(lambda s: s and columns.parse(pd.Series([s])).dtype.kind == "U")
NUMBERS = st.floats(0, 1e6) | st.just(NAN)


@st.composite
def datasets(draw, optional=True, labelled=True):
    """Any valid dataset: 1-4 units, 1-4 conditions, with and without features, labels and properties."""
    n, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rates = draw(arrays(float, (n, s), elements=NUMBERS))
    rates[:, 0], rates[0] = np.nan_to_num(rates[:, 0]), np.nan_to_num(rates[0])
    distinct = {"min_size": s, "max_size": s, "unique": True}
    conditions = {"size": draw(st.lists(st.floats(-1e3, 1e3), **distinct)), "contrast": np.repeat(0.5, s)}
    labels = {"condition": draw(st.lists(WORDS.filter(lambda w: not set(w) & set("=;")), **distinct))}
    units = {
        "area": draw(st.lists(WORDS, min_size=n, max_size=n)),
        "grid": draw(arrays(np.int64, n)),
        "depth": draw(arrays(float, n, elements=st.floats(-1e3, 1e3, width=64))),
        "deep": draw(arrays(bool, n)),
    }
    chosen = draw(st.sampled_from([conditions, labels, conditions | labels] if labelled else [conditions]))
    tables_ = {}
    if optional and draw(st.booleans()):
        tables_ = {"rate_var": rates * 2, "n_trials": np.where(np.isnan(rates), NAN, 7)}
    unit_labels = draw(st.lists(TEXT.filter(bool), min_size=n, max_size=n, unique=True))
    return make_dataset(rates, chosen, draw(st.sampled_from([units, {}])), unit_labels, **tables_)


@settings(max_examples=30)
@given(data=datasets())
def test_long_tables_round_trip(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("long") / "curves.csv"
    save(data, path)
    xr.testing.assert_identical(load(path), data)


@settings(max_examples=30)
@given(data=datasets(optional=False, labelled=False))
def test_wide_tables_round_trip(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("wide") / "curves.tsv"
    save(data, path, layout="wide")
    xr.testing.assert_identical(load(path), data)


@settings(max_examples=30)
@given(data=datasets())
def test_netcdf_round_trips(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("nc") / "curves.nc"
    data.attrs |= {"statistics": ["rate"], "source": "somewhere", "seed": 3}
    save(data, path)
    xr.testing.assert_identical(load(path), data)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".nc"])
def test_the_recordings_survive_every_format(lalazar, tmp_path, suffix):
    data = load(lalazar, complete=False)
    save(data, tmp_path / f"curves{suffix}")
    xr.testing.assert_equal(load(tmp_path / f"curves{suffix}"), data)


# --- recordings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("posture", "n"), [("pronation", 293), ("supination", 222)])
def test_complete_units_are_those_of_the_published_file(lalazar, posture, n):
    data = load(lalazar, posture=posture)
    full = np.loadtxt(lalazar / f"TuningCurvesFull_{posture.capitalize()}.dat", delimiter=",")
    assert data.sizes == {"unit": n, "condition": 27}
    np.testing.assert_array_equal(data["rate"], full)
    assert data.attrs["posture"] == posture
    assert tuple(data.attrs["statistics"]) == STATISTICS
    np.testing.assert_array_equal(np.stack([data[a] for a in "xyz"], axis=1), POSITIONS)
    assert POSITIONS[1].tolist() == [-1, -1, 0]  # z fastest


def test_all_units_keep_their_row_as_label(lalazar):
    data = read_lalazar(lalazar, complete=False)
    rows = np.loadtxt(lalazar / "TuningCurves_Pronation.dat", delimiter=",")
    np.testing.assert_array_equal(data["rate"].sel(unit="u017"), rows[17])
    found = describe(data)
    assert (found["n_units"], found["n_complete"], found["n_silent"]) == (510, 293, 6)
    assert found["missing_fraction"] == pytest.approx(0.077, abs=5e-4)
    assert np.bincount(data["grid"]).tolist() == [132, 328, 11, 39]


def test_a_grid_has_its_own_positions(lalazar):
    targets = np.stack([np.loadtxt(lalazar / f"{a}Cells.dat", delimiter=",") for a in "XYZ"], axis=-1)
    every = read_lalazar(lalazar, complete=False)
    for grid, n_positions in enumerate([27, 27, 27, 9]):  # the last was recorded at corners and centre only
        data = read_lalazar(lalazar, complete=False, grid=grid)
        row = int(data["unit"].values[0][1:])
        used = every["rate"].sel(unit=data["unit"]).notnull().any("unit").values
        assert data.sizes["condition"] == used.sum() == n_positions
        np.testing.assert_array_equal(np.stack([data[a] for a in "xyz"], 1) * 35, targets[row][used])
        assert (data["grid"] == grid).all()
    with pytest.raises(DatasetError, match="no grid 4: choose one of 0 to 3"):
        read_lalazar(lalazar, grid=4)


@pytest.fixture
def small_folder(tmp_path):
    rates = np.arange(54.0).reshape(2, 27)
    np.savetxt(tmp_path / "TuningCurves_Pronation.dat", rates, delimiter=",")
    return tmp_path


def test_target_files_are_optional(small_folder):
    data = load(small_folder)
    assert data.sizes["unit"] == 2
    assert "grid" not in data.coords
    with pytest.raises(DatasetError, match=r"no XCells.dat"):
        load(small_folder, grid=0)


def test_folders_that_are_not_the_recordings(small_folder):
    with pytest.raises(DatasetError, match=r"no file 'TuningCurves_Supination.dat'"):
        load(small_folder, posture="supination")
    with pytest.raises(DatasetError, match="no posture 'prone'"):
        load(small_folder, posture="prone")
    with pytest.raises(DatasetError, match=r"no TuningCurves\*.dat"):
        load(small_folder.parent)
    file = small_folder / "TuningCurves_Pronation.dat"
    for content, message in {"": "is empty", "1,2\n3,4\n": "has 2 columns", "1,two\n": "could not be read"}.items():
        file.write_text(content)
        with pytest.raises(DatasetError, match=message):
            load(small_folder)


def test_the_download_is_checked_and_cached(lalazar, tmp_path, monkeypatch):
    asked = []

    def copy(self, url, output_file, pooch):
        asked.append(url)
        shutil.copy(lalazar / url.rsplit("/", 1)[1], output_file)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", copy)
    assert load("lalazar2016").sizes["unit"] == 293
    assert len(asked) == len(SHA256) == 13
    for name, expected in SHA256.items():
        assert hashlib.sha256((fetch_lalazar() / name).read_bytes()).hexdigest() == expected
    assert len(asked) == 13  # nothing is fetched twice


def fail(*_):
    raise OSError("no route to host")


def corrupt(self, url, output_file, pooch):
    with open(output_file, "w") as file:
        file.write("a page that says 404")


@pytest.mark.parametrize(("downloader", "reason"), [(fail, "no route to host"), (corrupt, "hash")])
def test_a_failed_download_says_how_to_go_on(tmp_path, monkeypatch, downloader, reason):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", downloader)
    with pytest.raises(DatasetError, match=f"{reason}.*give a local folder"):
        fetch_lalazar()


# --- tables -----------------------------------------------------------------------------------------------

LONG = "unit,area,depth,size,rate,n_trials\nb,V1,1,4,2.5,7\na,V2,3,4,1,8\nb,V1,1,0.5,,\n a ,V2,3,0.5,0.1,5\n"


def test_a_long_table(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("\ufeff" + LONG, encoding="utf-8")  # as spreadsheets write it
    data = load(path, unit_columns=["depth"])
    expected = make_dataset(
        [[2.5, NAN], [1, 0.1]],
        {"size": [4, 0.5]},
        {"area": ["V1", "V2"], "depth": [1, 3]},
        ["b", "a"],
        n_trials=[[7, NAN], [8, 5]],
    )
    xr.testing.assert_identical(data, expected)


def test_wide_tables_with_features_and_with_labels(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("unit,area,depth,x=-1;y=0,y=2;x=1\na,V1,7,1.5,NaN\nb,,8,2,3\n")
    data = load(path)
    assert data["x"].values.tolist() == [-1, 1]
    assert data["y"].values.tolist() == [0, 2]
    assert data["area"].values.tolist() == ["V1", ""]
    assert data["depth"].values.tolist() == [7, 8]
    np.testing.assert_array_equal(data["rate"], [[1.5, NAN], [2, 3]])
    path.write_text("cell_type,left,right\nE,1,2\nI,3,4\n")
    data = load(path)
    assert data["condition"].values.tolist() == ["left", "right"]
    assert data["unit"].values.tolist() == ["u0", "u1"]
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
        ("unit;size;rate\n\na;1,5;2\n", "Line 3 of .* separated by commas"),
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


def test_codes_stay_text_and_numbers_stay_exact():
    assert columns.parse(pd.Series(["007", "012"])).tolist() == ["007", "012"]
    assert columns.parse(pd.Series(["7", "-12"])).dtype == np.int64
    assert columns.parse(pd.Series(["0.1", "1e-320"])).tolist() == [0.1, 1e-320]
    assert columns.parse(pd.Series(["9" * 30])).tolist() == [1e30]
    assert columns.parse(pd.Series(["True", "False"])).dtype == bool


def test_what_a_wide_table_cannot_hold(tmp_path):
    with pytest.raises(DatasetError, match="no room for 'n_trials'"):
        save(make_dataset([[1.0]], {"size": [1]}, n_trials=[[3]]), tmp_path / "a.csv", layout="wide")
    with pytest.raises(DatasetError, match="'rate' cannot be the header"):
        save(make_dataset([[1.0]], {"condition": ["rate"]}), tmp_path / "a.csv", layout="wide")
    with pytest.raises(DatasetError, match="no layout 'square': choose long or wide"):
        save(make_dataset([[1.0]], {"size": [1]}), tmp_path / "a.csv", layout="square")


# --- load and save ----------------------------------------------------------------------------------------


def test_objects_pass_through():
    data = load([[1.0, 2.0]], conditions={"size": [1, 2]})
    xr.testing.assert_identical(load(data), data)
    assert load(np.ones((2, 3)))["condition"].values.tolist() == ["c0", "c1", "c2"]
    assert np.isnan(load(np.ma.masked_equal([[1, 2], [3, 3]], 2))["rate"].values[0, 1])
    with pytest.raises(DatasetError, match="no variable 'rate'"):
        load(xr.Dataset())
    with pytest.raises(DatasetError, match="from a int"):
        load(3)


def test_paths_and_options_that_do_not_work(tmp_path):
    data = make_dataset([[1.0]], {"size": [1]})
    with pytest.raises(DatasetError, match="no file or folder"):
        load(tmp_path / "absent.csv")
    (tmp_path / "curves.mat").write_text("x")
    with pytest.raises(DatasetError, match=r"ends in '.mat'.*use .csv, .tsv, .nc"):
        load(tmp_path / "curves.mat")
    for content, message in {"": "is empty", "not HDF5": "could not be read as NetCDF-4"}.items():
        (tmp_path / "curves.nc").write_text(content)
        with pytest.raises(DatasetError, match=message):
            load(tmp_path / "curves.nc")
    (tmp_path / "curves.csv").write_text(LONG)
    with pytest.raises(DatasetError, match=r"option 'posture' does not apply.*only layout, unit_columns"):
        load(tmp_path / "curves.csv", posture="pronation")
    with pytest.raises(DatasetError, match="no folder"):
        save(data, tmp_path / "absent" / "curves.nc")
    with pytest.raises(DatasetError, match=r"ends in '.xlsx'"):
        save(data, tmp_path / "curves.xlsx")
    with pytest.raises(DatasetError, match="could not be written"):
        save(data.assign_attrs(bad={"a": 1}), tmp_path / "curves.nc")


def test_invalid_data_are_not_saved(tmp_path):
    data = validate(make_dataset([[1.0]], {"size": [1]}))
    data["rate"][:] = -1
    with pytest.raises(DatasetError, match="is -1 Hz"):
        save(data, tmp_path / "curves.csv")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("module", [columns, tables])
def test_the_examples_run(module):
    found = doctest.testmod(module)
    assert found.failed == 0
    assert found.attempted > 0
