"""Labelled arrays, as xarray and pynapple have them, and back."""

import numpy as np
import pytest
import xarray as xr

from tuneful import load, save, to_pynapple
from tuneful.curves import DatasetError, make_dataset


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
    assert data.attrs.pop("notes") == ["The occupancy has the shape (3,) and the bins (3, 2): not used."]
    assert data.attrs == {"source": "me"}
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")


def test_labelled_arrays_under_other_names():
    array = labelled(("unit", "size", "contrast")).rename(unit="neuron", size="Size")
    assert load(array.to_dataset(name="rate"))["size"].sizes["condition"] == 6
    with pytest.raises(DatasetError, match="not one for units"):
        load(array.rename(neuron="who"))
    with pytest.raises(DatasetError, match="dimension 'Size' has no values"):
        load(array.drop_vars("Size"))


def binned():
    """As `compute_tuning_curves` of pynapple 0.11 gives two features, of which three pairs were not visited."""
    edges = [np.array([0.0, 0.7, 1.4, 2.1]), np.array([0.0, 90.0, 180.0])]
    occupancy = np.array([[100.0, 0.0], [50.0, 40.0], [0.0, 0.0]])
    counts = np.array([[[3, 0], [7, 1], [0, 0]], [[0, 0], [2, 9], [0, 0]]])
    with np.errstate(invalid="ignore"):
        rates = counts / occupancy * 30.0
    centres = [edge[:-1] + np.diff(edge) / 2 for edge in edges]
    coords = {"unit": [3, 12], "speed": centres[0], "direction": centres[1]}
    attrs = {"occupancy": occupancy, "bin_edges": edges, "fs": 30.0, "rates": np.array([1.0, 2.0])}
    return xr.DataArray(rates, coords, attrs=attrs)


@pytest.mark.parametrize("keep", [lambda data, path: data, lambda data, path: (save(data, path), load(path))[1]])
def test_bins_of_pynapple_come_back(keep, tmp_path):
    data = load(binned())
    assert data["speed"].values.tolist() == [0.35, 1.0499999999999998, 1.0499999999999998]
    assert data["direction"].values.tolist() == [45, 45, 135]
    assert data.attrs["notes"] == ["3 of 6 combinations of features were not visited, and are no conditions."]
    back = to_pynapple(keep(data, tmp_path / "a.nc"))
    xr.testing.assert_equal(back, binned())
    np.testing.assert_array_equal(back.attrs["occupancy"], binned().attrs["occupancy"])
    for found, expected in zip(back.attrs["bin_edges"], binned().attrs["bin_edges"], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert back.attrs["fs"] == 30.0
    assert np.issubdtype(back["unit"].dtype, np.integer)


@pytest.mark.parametrize("empty", [0.0, np.nan])
def test_an_occupancy_of_nothing_is_no_measurement(empty):
    array = binned().fillna(0.0)
    array.attrs["occupancy"] = np.where(array.attrs["occupancy"], array.attrs["occupancy"], empty)
    assert load(array).sizes["condition"] == 3


def test_epochs_are_labels_or_name_features():
    array = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], {"unit": [1, 2], "epochs": ["gray", "grating"]})
    data = load(array)
    assert data["condition"].values.tolist() == ["gray", "grating"]
    xr.testing.assert_identical(to_pynapple(data), array)
    named = array.assign_coords(epochs=["size=1;contrast=20", "size=4;contrast=20"])
    assert load(named)["size"].values.tolist() == [1, 4]
    numbers = array.assign_coords(epochs=[0, 90])
    with pytest.raises(DatasetError, match=r"features=orientation.*features=condition"):
        load(numbers)
    assert load(numbers, features="orientation")["orientation"].values.tolist() == [0, 90]
    assert load(numbers, features=["condition"])["condition"].values.tolist() == ["0", "90"]


def test_names_and_units_of_an_array():
    array = xr.DataArray([[1.0, -2.0]], {"unit": ["a"], "0": [0.0, 90.0]}, attrs={"units": "a.u."})
    assert "Feature '0' has no name of its own" in load(array).attrs["notes"][0]
    data = load(array, features="direction")
    assert (data["direction"].values.tolist(), data["rate"].attrs["units"]) == ([0, 90], "a.u.")
    assert to_pynapple(data).attrs["units"] == "a.u."
    with pytest.raises(DatasetError, match="cannot be negative"):
        load(array.drop_attrs(), features="direction")
    assert load(array.drop_attrs(), rate_unit="events").attrs["notes"]
    stacked = binned().stack(condition=("speed", "direction"))
    assert load(stacked)["direction"].values.tolist() == [45, 45, 135]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda a: np.round(a * a.attrs["occupancy"] / 30), {}, "counts of spikes by its occupancy"),
        (lambda a: a * np.nan, {}, "No bin of the array was visited"),
        (lambda a: a.isel(speed=[]), {}, "is empty"),
        (lambda a: a.isel(unit=[]), {}, "is empty"),
        (lambda a: a.rename(speed="trial"), {}, r"'trial' counts repeats.*array.mean\('trial'\)"),
        (lambda a: a.isel(speed=0, direction=0), {}, "not one for units and one for conditions"),
        (lambda a: a.astype(str), {}, "rates as numbers"),
        (lambda a: a, {"features": "speed"}, "does not name each of the dimensions"),
        (lambda a: a.assign_attrs(units="spikes"), {}, "Responses are in Hz"),
        (lambda a: a.assign_coords(speed=[1.0, 1.0, 2.0]), {}, "is the same as"),
        (lambda a: a.assign_coords(speed=[1.0, np.nan, 2.0]), {}, "is nan"),
    ],
)
def test_arrays_that_cannot_be_used(change, options, message):
    array = change(binned()).assign_attrs({**binned().attrs, **change(binned()).attrs})
    with pytest.raises(DatasetError, match=message):
        load(array, **options)


def test_what_does_not_cross_is_no_grid():
    n = 400
    data = make_dataset(np.ones((100, n)), {name: np.arange(n) for name in "ab"})
    with pytest.raises(DatasetError, match="400 x 400 values, too many for a grid"):
        to_pynapple(data)
    same = make_dataset([[1.0, 2.0]], {"condition": ["a", "b"], "size": [1, 1]})
    assert to_pynapple(same).dims == ("unit", "epochs")


def test_an_array_in_a_file(tmp_path):
    binned().drop_attrs().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert load(tmp_path / "a.nc")["direction"].values.tolist() == [45, 45, 135]
