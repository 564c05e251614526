"""NetCDF keeps everything."""

import resource
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful.curves import DatasetError, make_dataset
from tuneful.readers import load, save

NAN = np.nan


@settings(max_examples=30)
@given(chosen=st.data())
def test_netcdf_round_trips(tmp_path_factory, datasets, chosen):
    data = chosen.draw(datasets())
    path = tmp_path_factory.mktemp("nc") / "curves.nc"
    data.attrs |= {"statistics": ["rate"], "source": "somewhere", "seed": 3}
    save(data, path)
    xr.testing.assert_identical(load(path), data)


def test_a_failure_keeps_the_old_file(tmp_path):
    data = make_dataset([[1.0]], {"size": [1]})
    path = tmp_path / "curves.nc"
    save(data, path)
    with pytest.raises(DatasetError, match="could not be written"):
        save(data.assign_attrs(bad={"a": 1}), path)
    xr.testing.assert_identical(load(path), data)
    assert list(tmp_path.iterdir()) == [path]


FOREIGN = {
    "text for a factor": (lambda file: file["rate"].attrs.update(scale_factor="two"), "'rate' .*'scale_factor'"),
    "two offsets": (lambda file: file["rate"].attrs.update(add_offset=[1.0, 2.0]), "'rate' .*'add_offset'"),
    "factor of nothing": (lambda file: file["size"].attrs.update(scale_factor=NAN), "'size' .*'scale_factor'"),
    "text for a gap": (lambda file: file["rate"].attrs.update(_FillValue="none"), "'rate' .*'_FillValue'"),
    "numbers for names": (lambda file: file["rate"].attrs.update(coordinates=[0, 1]), "'rate' .*'coordinates'"),
    "names of the file": (lambda file: file.attrs.update(coordinates=3), "the attribute 'coordinates'"),
    "other units": (
        lambda file: file["rate"].attrs.update(units="kHz"),
        "'rate' is in 'kHz', and not in Hz",
    ),
    "no space": (lambda file: file.create_dataset("n_trials", data=h5py.Empty("f8")), "'n_trials' .*no values"),
    "a table": (lambda file: file.create_dataset("depth", (2,), [("a", int)]), "'depth' is of the type"),
    "bytes": (lambda file: file.create_dataset("depth", (2,), "V3"), "'depth' is of the type"),
    "complex": (lambda file: file.create_dataset("depth", (2,), complex), "'depth' is of the type complex128"),
    "names of numbers": (
        lambda file: file.create_dataset("depth", (2,), h5py.enum_dtype({"a": 0, "b": 1})),
        "'depth' is an enumeration",
    ),
    "references": (lambda file: file.create_dataset("depth", (2,), h5py.ref_dtype), "'depth' is of the type"),
    "ragged": (lambda file: file.create_dataset("depth", (2,), h5py.vlen_dtype(int)), "'depth' is of the type"),
    "link": (lambda file: file.update({"depth": h5py.SoftLink("/rate")}), "'depth' a link to '/rate'"),
    "control": (lambda file: file.update({"a\nb": 1.0}), r"The name 'a\\nb' cannot be kept"),
    "no names of dimensions": (lambda file: file.update({"depth": [1.0]}), "'depth' .* does not name its dimensions"),
    "no factor": (lambda file: file["rate"].attrs.update(scale_factor=0.0), "'rate' .*'scale_factor'"),
    "a type": (lambda file: file.update({"depth": np.dtype(float)}), "'depth' is a type"),
    "a reference": (lambda file: file["size"].attrs.update(to=file["rate"].ref), "'size' has the attribute 'to'"),
    "names by number": (lambda file: renamed(file, [1, 2]), "'rate' .* does not name its dimensions"),
    "NUL": (lambda file: of_units(file, np.array([b"a\0b", b"c"])), "'area' has the text"),
    "too few": (lambda file: too_few(file), "'n_trials' has 0 values along 'unit'"),
    "no such day": (lambda file: file["size"].attrs.update(units="days since never"), "'size' could not be read"),
    "another shape": (lambda file: mismatched(file), "'n_trials'"),
    "no rates": (lambda file: file.move("rate", "tuning"), "no variable 'rate'"),
    "latin text": (lambda file: of_units(file, np.array([b"\xe9"] * 2)), "'area' .*not UTF-8"),
}


def of_units(file, values):
    file.create_dataset("area", data=values).dims[0].attach_scale(file["unit"])


def renamed(file, dimensions):
    """libhdf5 2.0.0 ends the process that asks it for dimensions which are not references."""
    del file["rate"].attrs["DIMENSION_LIST"]
    file["rate"].attrs["DIMENSION_LIST"] = dimensions


def too_few(file):
    trials = file.create_dataset("n_trials", (0, 3), float)
    for i, dim in enumerate(("unit", "condition")):
        trials.dims[i].attach_scale(file[dim])


def mismatched(file):
    trials = file.create_dataset("n_trials", data=np.ones((3, 3)))
    for i, dim in enumerate(("unit", "condition")):
        trials.dims[i].attach_scale(file[dim])


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_content_is_refused_by_its_name(tmp_path, capfd, what):
    write, message = FOREIGN[what]
    save(make_dataset(np.ones((2, 3)), {"size": [1, 2, 3]}), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "r+") as file:
        write(file)
    with pytest.raises(DatasetError, match=message) as found:
        load(tmp_path / "a.nc")
    assert str(found.value).isprintable()
    assert not any(capfd.readouterr())


def test_foreign_content_that_changes_nothing_is_read(tmp_path):
    """Loops of groups, empty attributes as the C library writes them, and variables of other groups."""
    data = make_dataset(np.ones((2, 3)), {"size": [1, 2, 3]})
    save(data, tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "r+") as file:
        file["group/round"] = file["/"]
        file.create_dataset("group/references", (2,), h5py.ref_dtype)
        file["size"].attrs["long_name"] = h5py.Empty("S1")
        file["rate"].attrs["units"] = "spikes/s"
    found = load(tmp_path / "a.nc")
    xr.testing.assert_equal(found, data)
    assert found["size"].attrs["long_name"] == ""


def test_other_formats_are_told(tmp_path):
    path = tmp_path / "a.nc"
    path.write_bytes(b"CDF\x05" + bytes(40))
    with pytest.raises(DatasetError, match="CDF-5"):
        load(path)
    path.write_bytes(b"CDF\x01" + bytes(4))
    with pytest.raises(DatasetError, match="could not be read as NetCDF"):
        load(path)
    with h5py.File(path, "w") as file:
        file["rate"] = np.ones((2, 3))
    with pytest.raises(DatasetError, match=r"'rate' \(2, 3\) does not name its dimensions"):
        load(path)


def test_columns_need_not_be_called_coordinates(tmp_path):
    data = make_dataset(np.ones((2, 3)), {"size": [1, 2, 3]}, {"area": ["a", "b"]})
    data.reset_coords(["size", "area"]).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    xr.testing.assert_identical(load(tmp_path / "a.nc"), data)


@settings(max_examples=20, deadline=None)
@given(chosen=st.data())
def test_files_of_other_programs_are_read_as_what_they_are(tmp_path_factory, datasets, chosen):
    """Transposed, packed, with gaps filled, plain columns, further variables, in either format."""
    data = chosen.draw(datasets())
    path = tmp_path_factory.mktemp("nc") / "curves.nc"
    foreign = data.transpose(*chosen.draw(st.permutations(["unit", "condition"])))
    plain = [name for name in data.coords if name not in data.dims]
    foreign = foreign.reset_coords(chosen.draw(st.lists(st.sampled_from(plain), unique=True)) if plain else [])
    fill = chosen.draw(st.sampled_from([-1.0, 1e20]))
    factor, offset = chosen.draw(st.sampled_from([(1.0, 0.0), (0.5, 0.0), (2.0, -4.0)]))
    encoding = {"rate": {"_FillValue": fill * 1.5, "scale_factor": factor, "add_offset": offset, "dtype": "f8"}}
    if further := chosen.draw(st.booleans()):
        foreign["spikes"] = (("unit", "time"), np.ones((data.sizes["unit"], 2)))
    classic = chosen.draw(st.booleans()) and all(data[name].dtype.kind != "i" for name in data.variables)
    foreign.to_netcdf(path, engine="scipy" if classic else "h5netcdf", encoding=encoding)
    found = load(path)
    assert ("spikes" in found) == further
    found = found.drop_vars("spikes", errors="ignore")
    np.testing.assert_allclose(found["rate"], data["rate"], rtol=1e-15, atol=1e-15 * max(1, abs(offset)))
    xr.testing.assert_equal(found.drop_vars("rate"), data.drop_vars("rate"))


def test_conventions_of_packed_integers(tmp_path):
    data = make_dataset([[1.5, NAN], [0.0, 300.25]], {"size": [1, 2]})
    encoding = {"rate": {"dtype": "i2", "scale_factor": 0.25, "add_offset": 100.0, "_FillValue": -999}}
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding=encoding)
    xr.testing.assert_identical(load(tmp_path / "a.nc"), data)


def test_other_dimensions_are_known_or_refused_by_name(tmp_path):
    data = make_dataset(np.ones((2, 3)), {"size": [1, 2, 3]})
    data.rename(unit="neuron").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    xr.testing.assert_equal(load(tmp_path / "a.nc"), data)
    data.rename(unit="time").to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    with pytest.raises(DatasetError, match=r"'rate' has dims \('time', 'condition'\)"):
        load(tmp_path / "b.nc")


@pytest.mark.parametrize("suffix", [".nc", ".csv"])
def test_a_full_disk_keeps_the_old_file(tmp_path, suffix):
    """No file may have more than a hundred bytes."""
    path = tmp_path / f"a{suffix}"
    path.write_text("old")
    dataset = make_dataset(np.ones((50, 2)), {"size": [0.5, 4.0]})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(DatasetError, match="could not be written"):
            save(dataset, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_label_that_no_file_can_keep_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("old")
    dataset = make_dataset([[1.0, 2.0], [2.0, 3.0]], {"size": [0.5, 4.0]})
    with pytest.raises(DatasetError):
        save(dataset.assign_coords(unit=["a\0b", "b"]), path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_what_the_first_version_saved_is_read():
    """A file that was saved before there was a release; all versions since wrote the same."""
    rates = np.array([[1.5, NAN, 0], [2, 3, 400]])
    expected = make_dataset(
        rates,
        {"size": [0.5, 1, 2], "condition": ["a", "é", "c"]},
        {"area": ["V1", "µ"], "depth": [1.0, 2.0], "grid": [1, 2], "deep": [True, False]},
        ["u b", "ü"],
        rate_var=rates * 2,
        n_trials=np.where(np.isnan(rates), NAN, 7),
        statistics=["rate"],
        source="x",
        seed=3,
    )
    xr.testing.assert_identical(load(Path(__file__).with_name("first_version.nc")), expected)


def test_a_zarr_store_is_read_as_netcdf_is(tmp_path):
    pytest.importorskip("zarr")
    data = make_dataset([[0.1, NAN], [1 / 3, 2.0]], {"size": [1, 4]}, {"area": ["V1", "LM"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of zarr, at text of fixed length
        data.to_zarr(tmp_path / "a.zarr")
    xr.testing.assert_identical(load(tmp_path / "a.zarr"), data)
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(DatasetError, match="could not be read as Zarr"):
        load(tmp_path / "b.zarr")
