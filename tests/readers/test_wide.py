"""The wide layout of a table."""

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import DatasetError, make_dataset
from tuneful.readers import load, save

NAN = np.nan


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


def test_what_a_wide_table_cannot_hold(tmp_path):
    with pytest.raises(DatasetError, match="no room for 'n_trials'"):
        save(make_dataset([[1.0]], {"size": [1]}, n_trials=[[3]]), tmp_path / "a.csv", layout="wide")
    with pytest.raises(DatasetError, match="'condition=a;b' cannot be the header"):
        save(make_dataset([[1.0]], {"condition": ["a;b"]}), tmp_path / "a.csv", layout="wide")
    with pytest.raises(DatasetError, match=r"no layout 'square'\. Choose from: long, wide"):
        save(make_dataset([[1.0]], {"size": [1]}), tmp_path / "a.csv", layout="square")


def test_an_infinite_number_of_a_trial_is_refused_without_a_warning(tmp_path):
    (tmp_path / "a.csv").write_text("trial,contrast,u1,u2\n0,0.4,0,0\n1e999,0.1,1,2\n")
    with pytest.raises(DatasetError, match="There is no column 'rate'"):
        load(tmp_path / "a.csv")
