"""Tables with a row a trial and a column a unit."""

import numpy as np
import pandas as pd
import pytest

from tuneful import load
from tuneful.curves import DatasetError

TABLE = pd.DataFrame(
    {
        "trial": [1, 2, 3, 4],
        "size (deg)": [4, 0.5, 4, 0.5],
        "side": list("lrlr"),
        "n1": [1.0, 2, 3, 6],
        "n2": [0, 1, 2, np.nan],
    }
)


def test_trials_are_averaged_over_conditions():
    data = load(TABLE, layout="trials", conditions="size,side")
    assert data["unit"].values.tolist() == ["n1", "n2"]
    assert (data["size"].values.tolist(), data["condition"].values.tolist()) == ([0.5, 4], ["r", "l"])
    assert data["size"].attrs["units"] == "deg"
    assert data["rate"].values.tolist() == [[4, 2], [1, 1]]
    assert data["n_trials"].values.tolist() == [[2, 2], [1, 2]]
    np.testing.assert_array_equal(data["rate_var"], [[8, 2], [np.nan, 2]])


def test_trials_are_left_out_and_columns_ignored():
    data = load(TABLE, layout="trials", conditions="size (deg)", ignore="side,n2", drop="side=l")
    assert data["rate"].values.tolist() == [[4]]
    assert (
        load(TABLE.drop(columns="side"), layout="trials", conditions="size", rate_unit="a.u.")["rate"].units == "a.u."
    )


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (TABLE, {}, r"--conditions.*one or more of trial \(4 values\), size \(2 values\)"),
        (TABLE, {"conditions": "siz"}, "no column 'siz'.*Choose from: trial, size"),
        (TABLE, {"conditions": "size"}, "Column 'side' of a table of trials is text"),
        (TABLE, {"conditions": "side"}, "'size' of a table of trials is called like a stimulus feature"),
        (
            TABLE.assign(depth=3),
            {"conditions": "size,side"},
            "'depth' of a table of trials is called like a unit property",
        ),
        (TABLE[["trial", "size (deg)"]], {"conditions": "size"}, "No column of this table of trials holds rates"),
        (TABLE.assign(n1="x"), {"conditions": "size,side"}, "'n1' of a table of trials is text"),
        (TABLE.assign(n1=-1), {"conditions": "size,side"}, "cannot be negative"),
        (
            TABLE.assign(n1=np.nan, n2=np.nan),
            {"conditions": "size,side"},
            "In none of the 4 trials is there a response",
        ),
        (TABLE.iloc[:0], {"conditions": "size,side"}, "The table is empty"),
    ],
)
def test_what_cannot_be_told_is_refused(table, options, message):
    with pytest.raises(DatasetError, match=message):
        load(table, layout="trials", **options)


def test_a_table_of_trials_is_never_guessed():
    with pytest.raises(DatasetError, match="layout=trials"):
        load(TABLE)
