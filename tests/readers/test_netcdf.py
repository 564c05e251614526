"""NetCDF keeps everything."""

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
