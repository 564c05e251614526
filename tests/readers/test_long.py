"""The long layout of a table."""

import numpy as np
import xarray as xr

from tuneful.curves import make_dataset
from tuneful.readers import load

NAN = np.nan
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
