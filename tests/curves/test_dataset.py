import doctest
import importlib
import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tuneful.curves import DatasetError, complete_units, describe, features, make_dataset, split, validate

NAN = np.nan
SIZES = {"size": [0.5, 4.0]}


def dataset(rates, **options):
    return make_dataset(rates, {"size": np.arange(1.0, 1 + np.shape(rates)[1])}, **options)


def raw(rates, **coords):
    return xr.Dataset({"rate": (("unit", "condition"), rates)}, coords or {"size": ("condition", [0.5, 4.0])})


@pytest.mark.parametrize(
    "module",
    ["schema", "validation", "dataset", "description", "statistics", "rates", "lattice", "size_tuning", "comparison"],
)
def test_the_examples_run(module):
    found = doctest.testmod(importlib.import_module(f"tuneful.curves.{module}"))
    assert found.failed == 0
    assert found.attempted > 0


def test_make_dataset_follows_the_schema():
    data = make_dataset(
        [[1, 2], [3, 4]],
        {"size": [1, 2], "condition": ["small", "large"]},
        {"area": ["V1", "V2"]},
        ["a", "b"],
        rate_var=[[1, 1], [1, NAN]],
        n_trials=[[5, 5], [5, 6]],
        statistics="rate",
        source="a test",
    )
    assert data["rate"].dims == ("unit", "condition")
    assert data["rate"].dtype == data["n_trials"].dtype == data["size"].dtype == np.float64
    assert data["rate"].attrs["units"] == "Hz"
    assert data["rate_var"].attrs["units"] == "Hz^2"
    assert data.attrs == {"statistics": ["rate"], "source": "a test"}
    assert data["rate"].sel(unit="b", condition="large").item() == 4
    assert list(features(data)) == ["size"]


def test_masked_entries_are_not_measured():
    data = dataset(np.ma.masked_greater([[1, 2], [3, 9]], 5))
    np.testing.assert_array_equal(data["rate"], [[1, 2], [3, NAN]])


def test_validate_brings_a_foreign_dataset_to_canonical_form():
    stacked = xr.DataArray(
        np.arange(8, dtype="float32").reshape(2, 2, 2),
        dims=("x", "y", "unit"),
        coords={"x": [0, 1], "y": [5, 6], "unit": [10, 11]},
    ).stack(condition=("x", "y"))
    given = stacked.to_dataset(name="rate")
    data = validate(given)
    assert data["rate"].dims == ("unit", "condition")
    assert data["rate"].dtype == np.float64
    assert data["unit"].values.tolist() == ["10", "11"]
    assert {k: v.tolist() for k, v in features(data).items()} == {"x": [0, 0, 1, 1], "y": [5, 6, 5, 6]}
    assert given["rate"].dtype == np.float32  # the argument is not changed
    xr.testing.assert_identical(validate(data), data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: validate(xr.Dataset({"r": ("a", [1.0])})), r"no variable 'rate' \(found: r\)"),
        (
            lambda: validate([[1.0]]),  # pyright: ignore[reportArgumentType]
            "got list",
        ),
        (lambda: validate(xr.Dataset({"rate": (("cell", "condition"), [[1.0]])})), r"\('cell', 'condition'\)"),
        (lambda: validate(raw(np.empty((0, 2)))), "it has no units"),
        (lambda: make_dataset(np.empty((2, 0)), {}), "it has no conditions"),
        (lambda: dataset([[1, 2], [3, "high"]]), r"'rate' of unit 'u0' in condition 0 \(size=1.0\) is '1'"),
        (lambda: validate(raw(np.array([[1, 2], [3, "high"]], dtype=object))), "unit 'u1' in condition 1 .* 'high'"),
        (lambda: dataset([[1, 2], [np.inf, 2]]), r"unit 'u1' in condition 0 \(size=1.0\) is inf Hz"),
        (lambda: dataset([[1, -2]]), r"unit 'u0' in condition 1 \(size=2.0\) is -2 Hz.*negative"),
        (lambda: dataset([[1, 2], [NAN, NAN]], unit_labels=["A1", "B2"]), "Unit 'B2' has no measured condition"),
        (lambda: dataset([[1, NAN], [2, NAN]]), r"Condition 1 \(size=2.0\) was never measured"),
        (lambda: dataset([[1, 2], [3, 4]], unit_labels=["a", "a"]), "2 units are called 'a'"),
        (lambda: make_dataset([[1, 2], [3]], SIZES), r"'rates' has shape \(2,\)"),
        (lambda: make_dataset([[1, 2, 3]], SIZES), r"'size' has shape \(2,\) but the rates have 3 conditions"),
        (lambda: dataset([[1, 2]], units={"area": ["V1", "V2"]}), "'area' .* 1 units"),
        (lambda: dataset([[1, 2]], unit_labels=["a", "b"]), "'unit' .* 1 units"),
        (lambda: dataset([[1, 2]], rate_var=[[1.0]]), r"'rate_var' has shape \(1, 1\) where \(1, 2\)"),
        (lambda: dataset([[1, 2]], rate_var=[[1, -4]]), r"rate_var of unit 'u0' in condition 1 .* is -4 Hz\^2"),
        (lambda: dataset([[1, 2]], n_trials=[[0, 1]]), "n_trials of unit 'u0' in condition 0 .* is 0,"),
        (lambda: make_dataset([[1, 2]], {"size": [1, NAN]}), "Feature 'size' of condition 1 is nan"),
        (lambda: make_dataset([[1, 2]], {"side": ["l", "r"]}), "Feature 'side' of condition 0 is 'l'"),
        (lambda: make_dataset([[1, 2]], {"size": [3, 3]}), r"Condition 1 \(size=3.0\) is the same as condition 0"),
        (lambda: dataset([[1, 2]], units={"size": [1]}), "'size' is used twice"),
        (lambda: make_dataset([[1, 2]], {"rate": [1, 2]}), "'rate' is used twice"),
    ],
)
def test_bad_data_are_named_in_one_sentence(make, message):
    with pytest.raises(DatasetError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_unmeasured_entries_need_no_variance_or_trials():
    data = dataset([[1, NAN], [1, 2]], rate_var=[[1, -1], [NAN, 1]], n_trials=[[1, 0], [NAN, 1]])
    assert data["n_trials"].values[0, 1] == 0


def test_complete_units():
    data = dataset([[1, 2], [NAN, 2], [3, 4]])
    assert complete_units(data)["unit"].values.tolist() == ["u0", "u2"]
    with pytest.raises(DatasetError, match=r"None of the 2 units .* \(the best in 1\)"):
        complete_units(dataset([[1, NAN], [NAN, 2]]))


@given(n=st.integers(4, 60), held_out=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_split_is_a_seeded_partition(n, held_out, seed):
    data = dataset(np.arange(n, dtype=float)[:, None])
    n_test = round(held_out * n)
    if not 2 <= n_test <= n - 2:
        with pytest.raises(DatasetError, match="2 on either side"):
            split(data, held_out, seed)
        return
    train, test = split(data, held_out, seed)
    assert test.sizes["unit"] == n_test
    assert sorted([*train["rate"].values[:, 0], *test["rate"].values[:, 0]]) == list(range(n))
    xr.testing.assert_identical(split(data, held_out, seed)[1], test)


def test_splits_differ_between_seeds():
    data = dataset(np.ones((50, 1)))
    first, second = (split(data, 0.5, seed)[1]["unit"].values.tolist() for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("held_out", [0, 1, -0.5, 1.5, NAN, 50])
def test_split_refuses_what_is_not_a_fraction(held_out):
    with pytest.raises(DatasetError, match=f"Holding out {held_out} of 8 units"):
        split(dataset(np.ones((8, 1))), held_out, 0)


def test_describe_counts():
    rates = [[0, 0, 0], [2, 2, NAN], [1, 7, NAN], [1, 2, 3]]
    found = describe(dataset(rates, units={"area": ["a", "b", "b", "b"]}))
    assert json.loads(json.dumps(found)) == found
    assert (found["n_units"], found["n_conditions"], found["n_complete"]) == (4, 3, 2)
    assert found["missing_fraction"] == pytest.approx(2 / 12)
    assert found["rate_range"] == [0, 7]
    assert (found["n_silent"], found["n_constant"]) == (1, 2)
    assert found["features"]["size"] == {"values": [1, 2, 3], "min": 1, "max": 3, "unit": ""}
    assert found["units"] == {"area": 2}
    assert [p["missing"] for p in found["missing_patterns"]] == [[], [2]]
    assert found["statistics"] == ["suppression_index", "max_rate", "preferred_size", "peak_width"]
