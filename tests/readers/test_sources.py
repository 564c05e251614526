"""One function loads everything, and one saves."""

import contextlib
import gzip
import random
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import DatasetError, make_dataset, validate
from tuneful.errors import UserError
from tuneful.readers import load, save

NAN = np.nan
LONG = "unit,area,depth,size,rate,n_trials\nb,V1,1,4,2.5,7\na,V2,3,4,1,8\nb,V1,1,0.5,,\n a ,V2,3,0.5,0.1,5\n"


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".nc"])
def test_the_recordings_survive_every_format(lalazar, tmp_path, suffix):
    data = load(lalazar, complete=False)
    save(data, tmp_path / f"curves{suffix}")
    xr.testing.assert_equal(load(tmp_path / f"curves{suffix}"), data)


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
    (tmp_path / "curves.doc").write_text("x")
    with pytest.raises(DatasetError, match=r"ends in '.doc'.*use .csv, .tsv, .nc"):
        load(tmp_path / "curves.doc")
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


def test_one_session_is_the_same_curves_in_every_format():
    folder = Path(__file__).parents[2] / "examples" / "sessions"
    of_nwb = load(folder / "session.nwb", conditions="x,y,z", window=(0, 0.5), align="go_time")
    of_matlab = load(folder / "trials.mat", conditions="x,y,z", window=(0, 0.5))
    of_excel = load(folder / "trials.xlsx", conditions="x,y,z", layout="trials")
    for name in ("rate", "rate_var", "n_trials", "x", "y", "z"):
        np.testing.assert_array_equal(of_nwb[name], of_matlab[name])
        np.testing.assert_array_equal(of_nwb[name], of_excel[name])


def test_invalid_data_are_not_saved(tmp_path):
    data = validate(make_dataset([[1.0]], {"size": [1]}))
    data["rate"][:] = -1
    with pytest.raises(DatasetError, match="is -1 Hz"):
        save(data, tmp_path / "curves.csv")
    assert not any(tmp_path.iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One dataset in every format."""
    folder = tmp_path_factory.mktemp("whole")
    rates = np.random.default_rng(0).gamma(2, 3, (5, 4)).round(2)
    data = make_dataset(rates, {"size": [0.5, 1, 2, 4]}, {"area": ["a"] * 5, "depth": [1, 2, 3, 4, 5]})
    save(data, folder / "a.csv")
    save(data, folder / "wide.tsv", layout="wide")
    text = (folder / "a.csv").read_text()
    (folder / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "wide.txt").write_bytes(text.encode("utf-16"))
    header, rows = text.replace(",", ";").split("\n", 1)
    (folder / "comma.csv").write_text(header + "\n" + rows.replace(".", ","))
    np.save(folder / "a.npy", rates)
    np.savez(folder / "a.npz", rate=rates, size=[0.5, 1, 2, 4])
    save(data, folder / "a.nc")
    data.to_netcdf(folder / "classic.nc", engine="scipy")
    return folder


@pytest.mark.parametrize(
    "name", ["a.csv", "wide.tsv", "a.csv.gz", "wide.txt", "comma.csv", "a.npy", "a.npz", "a.nc", "classic.nc"]
)
def test_300_damaged_files_are_read_or_refused_in_one_sentence(whole, damaged, tmp_path, name):
    content, draw = (whole / name).read_bytes(), random.Random(7)
    path = tmp_path / name
    load(whole / name)
    for _ in range(300):
        path.write_bytes(damaged(content, draw))
        with contextlib.suppress(UserError):
            load(path)
