"""Arrays, alone, in files and with labels."""

import doctest

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import DatasetError
from tuneful.readers import arrays, load

RATES = np.arange(12.0).reshape(3, 4)
SIZES = [0.5, 1.0, 2.0, 4.0]


def test_files_of_arrays(tmp_path):
    np.save(tmp_path / "a.npy", RATES)
    np.testing.assert_array_equal(load(tmp_path / "a.npy", conditions={"size": SIZES})["size"], SIZES)
    np.savez(tmp_path / "a.npz", firing_rate=RATES, Size=SIZES, depth=[1, 2, 3], neuron=["a", "b", "c"])
    data = load(tmp_path / "a.npz")
    assert data["unit"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(data["size"], SIZES)
    assert data["depth"].dims == ("unit",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": RATES, "b": RATES}, "no array 'rate' .found: a, b"),
        ({"rate": RATES, "size": [1, 2]}, "'size' .2,. belongs"),
        ({"rate": RATES[:, :3], "w": [1, 2, 3]}, "'w' .3,. belongs"),
        ({"rate": RATES.astype(object)}, "cannot be read"),
    ],
)
def test_files_that_cannot_be_told(tmp_path, content, message):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "a.npz")


def test_a_square_file_goes_by_names(tmp_path):
    np.savez(tmp_path / "a.npz", rate=RATES[:, :3], size=[1, 2, 3], depth=[4, 5, 6])
    data = load(tmp_path / "a.npz")
    assert (data["size"].dims, data["depth"].dims) == (("condition",), ("unit",))


def labelled(dims):
    values = {"unit": [7, 9], "size": [1.0, 2.0, 4.0], "contrast": [10.0, 20.0]}
    array = xr.DataArray(np.arange(12.0).reshape(2, 3, 2), dims=("unit", "size", "contrast"), coords=values)
    array = array.assign_coords(depth=("unit", [100, 200]), log_size=("size", [0.0, 1.0, 2.0]))
    return array.assign_attrs(occupancy=np.ones(3), source="me").transpose(*dims)


@pytest.mark.parametrize("dims", [("unit", "size", "contrast"), ("size", "unit", "contrast")])
def test_labelled_arrays(dims, tmp_path):
    data = load(labelled(dims))
    assert data["unit"].values.tolist() == ["7", "9"]
    assert data["depth"].values.tolist() == [100, 200]
    assert data["size"].values.tolist() == [1, 1, 2, 2, 4, 4]
    assert data["log_size"].values.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(data["rate"], np.arange(12).reshape(2, 6))
    assert data.attrs == {"source": "me"}
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")


def test_labelled_arrays_under_other_names():
    array = labelled(("unit", "size", "contrast")).rename(unit="neuron", size="Size")
    assert load(array.to_dataset(name="rate"))["size"].sizes["condition"] == 6
    with pytest.raises(DatasetError, match="not one for units"):
        load(array.rename(neuron="who"))
    with pytest.raises(DatasetError, match="dimension 'Size' has no values"):
        load(array.drop_vars("Size"))


def test_a_transposed_array_is_named():
    with pytest.raises(DatasetError, match="transpose"):
        load(RATES.T, conditions={"size": SIZES})


def test_the_examples_run():
    found = doctest.testmod(arrays)
    assert found.failed == 0
    assert found.attempted > 0
