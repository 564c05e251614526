"""Tables as pandas makes them."""

import doctest

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tuneful.curves import DatasetError
from tuneful.readers import frames, load

ROWS = [(u, s, c, 10.0 * i + s + c / 100) for i, u in enumerate("ab") for s in (1, 2) for c in (10, 20)]
LONG = pd.DataFrame(ROWS, columns=["unit", "size", "contrast", "rate"])
MEAN = LONG.groupby(["unit", "size", "contrast"])["rate"].mean()


@pytest.mark.parametrize(
    "table",
    [
        LONG.set_index("unit"),
        LONG.sample(frac=1, random_state=0),
        MEAN,
        MEAN.rename(None),
        MEAN.to_frame(),
        MEAN.unstack(["size", "contrast"]),
        MEAN.to_frame().unstack(["size", "contrast"]),
        LONG.pivot(index="unit", columns=["contrast", "size"], values="rate"),
        LONG.pivot(index="unit", columns=["contrast", "size"], values="rate").reset_index(),
        LONG.pivot(index=["size", "contrast"], columns="unit", values="rate"),
        LONG.assign(size=LONG["size"].astype("category"), unit=LONG["unit"].astype("string")),
    ],
)
def test_every_form_of_one_table(table):
    data = load(table)
    order = np.lexsort((data["contrast"].values, data["size"].values))
    data = data.isel(condition=order).sortby("unit")
    xr.testing.assert_equal(data, load(LONG))


def test_numbers_as_headers_need_a_name():
    table = pd.DataFrame([[1.0, 2.0]], columns=[0.5, 4.0])
    with pytest.raises(DatasetError, match=r"'0.5' are numbers.*features=size"):
        load(table)
    assert load(table, features="size")["size"].values.tolist() == [0.5, 4]
    assert load(table.rename_axis(columns="size"))["size"].values.tolist() == [0.5, 4]


def test_options_of_text_do_not_apply():
    with pytest.raises(DatasetError, match="apply to text only"):
        load(LONG, separator=";")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (MEAN.rename_axis([None, None, None]), "Levels of the index have no names"),
        (pd.Series([1.0, 2.0]), "A series of rates needs an index"),
        (MEAN.unstack(["size", "contrast"]).rename_axis(columns=[None, None]), "Levels of the columns have no names"),
        (LONG.drop(columns="unit").iloc[1:], "no column 'unit'"),
        (pd.DataFrame([[1.0, 2.0]], columns=[(1, 2), (3, 4)]), "Levels of the columns have no names"),
        (LONG.rename(columns={"size": None}), "Column . has no name"),
        (LONG.rename(columns={"size": None, "contrast": None}), "Several columns have no name"),
        (LONG.iloc[:0], "The table is empty"),
        (LONG.astype({"rate": complex}), "'rate' holds complex numbers"),
    ],
)
def test_what_has_no_names(table, message):
    with pytest.raises(DatasetError, match=message):
        load(table)


def test_the_examples_run():
    found = doctest.testmod(frames)
    assert found.failed == 0
    assert found.attempted > 0
