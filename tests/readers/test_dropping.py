"""Conditions and features that are left out."""

import numpy as np
import pandas as pd
import pytest

from tuneful.curves import DatasetError, features, make_dataset
from tuneful.readers import load, save
from tuneful.readers.dropping import Drop, drops_of

LONG = pd.DataFrame({
    "unit": list("aaabbb"), "size": [0, 1, 4] * 2, "contrast": [0, 1, 1] * 2, "rate": [1.0, 2, 3, 4, 5, 6],
})  # fmt: skip
WIDE = pd.DataFrame({"unit": list("ab"), "size=0;k=7": [1.0, 4], "size=1;k=7": [2.0, 5], "size=4;k=7": [3.0, 6]})
ARRAY = make_dataset([[1.0, 2, 3], [4, 5, 6]], {"size": [0, 1, 4], "k": [7, 7, 7]})


@pytest.mark.parametrize("source", [LONG, WIDE, ARRAY], ids=["long", "wide", "dataset"])
@pytest.mark.parametrize("asked", ["size=0", ["size=0.0"], "Size=0"])
def test_conditions_are_left_out(source, asked):
    data = load(source, drop=asked)
    assert data["size"].values.tolist() == [1, 4]
    assert data["rate"].values.tolist() == [[2, 3], [5, 6]]


@pytest.mark.parametrize(
    ("source", "feature"), [(LONG, "contrast"), (WIDE, "k"), (ARRAY, "k")], ids=["long", "wide", "dataset"]
)
def test_features_are_left_out(source, feature):
    assert list(features(load(source, drop=feature))) == ["size"]


def test_what_could_not_be_read_can_be_left_out(tmp_path):
    """A blank condition, as people write it."""
    for blank in ("blank", "", "null"):
        (tmp_path / "a.csv").write_text(f"unit,size,rate\na,1,3\na,2,4\na,{blank},1\nb,1,3\nb,2,5\nb,{blank},1\n")
        with pytest.raises(DatasetError, match="Column 'size'"):
            load(tmp_path / "a.csv")
        assert load(tmp_path / "a.csv", drop=f"size={blank}")["size"].values.tolist() == [1, 2]
        if blank != "blank":
            assert load(tmp_path / "a.csv", drop="size=")["size"].values.tolist() == [1, 2]
    (tmp_path / "w.csv").write_text("unit,size=1,size=2,size=blank\na,1,2,3\nb,3,2,1\n")
    assert load(tmp_path / "w.csv", drop="size=blank")["size"].values.tolist() == [1, 2]
    (tmp_path / "w.csv").write_text("unit,size=1,size=2,blank\na,1,2,3\nb,3,2,1\n")
    assert load(tmp_path / "w.csv", drop="blank")["size"].values.tolist() == [1, 2]


@pytest.mark.parametrize("source", [LONG, WIDE, ARRAY], ids=["long", "wide", "dataset"])
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("sise=0", "no feature 'sise' to leave out.* 'size"),
        ("size=3", "No condition has size = 3"),
        (["size=0", "size=1", "size=4"], "Every condition has size = 4: nothing would be left"),
        (3, "drop=size=0 or drop=size, and not as 3"),
        ("=0,", "and not as '=0,'"),
    ],
)
def test_what_cannot_be_left_out(source, asked, message):
    with pytest.raises(DatasetError, match=message):
        load(source, drop=asked)


def test_a_feature_without_which_conditions_coincide_is_refused():
    for source in (LONG, WIDE, ARRAY):
        with pytest.raises(DatasetError):
            load(source, drop="size")


def test_numbers_are_compared_as_numbers():
    assert Drop("size", "0.3").matches(np.array([0.1 + 0.2, 0.31])).tolist() == [True, False]
    assert drops_of(["a = 1", "b"]) == [Drop("a", "1"), Drop("b")]


def test_files_are_read_without(tmp_path):
    save(ARRAY, tmp_path / "a.nc")
    assert load(tmp_path / "a.nc", drop=["size=0", "k"]).sizes["condition"] == 2
