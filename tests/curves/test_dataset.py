"""Datasets from plain arrays, complete units, and a seeded split."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tuneful.curves import DatasetError, complete_units, features, make_dataset, rate_unit, split

NAN = np.nan
SIZES = {"size": [0.5, 4.0]}


def dataset(rates, **options):
    return make_dataset(rates, {"size": np.arange(1.0, 1 + np.shape(rates)[1])}, **options)


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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_dataset([[1, 2], [3]], SIZES), r"'rates' has shape \(2,\)"),
        (lambda: make_dataset([[1, 2, 3]], SIZES), r"'size' has shape \(2,\) but the rates have 3 conditions"),
        (lambda: dataset([[1, 2]], units={"area": ["V1", "V2"]}), "'area' .* 1 units"),
        (lambda: dataset([[1, 2]], unit_labels=["a", "b"]), "'unit' .* 1 units"),
        (lambda: dataset([[1, 2]], rate_var=[[1.0]]), r"'rate_var' has shape \(1, 1\) where \(1, 2\)"),
        (lambda: dataset([[1, 2]], units={"size": [1]}), "'size' is used twice"),
        (lambda: make_dataset([[1, 2]], {"rate": [1, 2]}), "'rate' is used twice"),
        (lambda: make_dataset([[1, 2]], [1, 2]), "'conditions' are values by their names"),
        (lambda: dataset([[1, 2]], units=3), "'units' are values by their names"),
    ],
)
def test_what_does_not_fit_together_is_named_in_one_sentence(make, message):
    with pytest.raises(DatasetError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


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


def test_of_every_value_of_a_property_the_same_fraction_is_held_out():
    types = np.array(["E"] * 20 + ["I"] * 5)
    data = make_dataset(np.ones((25, 1)), {"size": [1.0]}, {"cell_type": types})
    train, test = split(data, 0.4, seed=3, by="cell_type")
    assert {**dict(zip(*np.unique(test["cell_type"], return_counts=True), strict=True))} == {"E": 8, "I": 2}
    assert sorted([*train["unit"].values, *test["unit"].values]) == sorted(data["unit"].values)
    alike = split(data.assign_coords(cell_type=("unit", ["E"] * 25)), 0.4, seed=3, by="cell_type")
    for one, other in zip(alike, split(data, 0.4, seed=3), strict=True):
        np.testing.assert_array_equal(one["unit"], other["unit"])
    with pytest.raises(DatasetError, match=r"Holding out 0.4 of 3 units of which cell_type is I does not leave 2"):
        split(data.isel(unit=slice(0, 23)), 0.4, seed=3, by="cell_type")


def test_responses_that_are_no_rates_have_a_unit_and_may_be_negative():
    data = make_dataset([[1.0, -0.5]], {"size": [1, 2]}, rate_var=[[1.0, 1.0]], rate_unit="Events")
    assert rate_unit(data) == data["rate"].attrs["units"] == "events"
    assert data["rate_var"].attrs["units"] == "(events)^2"
    assert rate_unit(make_dataset([[1.0, 2.0]], {"size": [1, 2]}, rate_unit="spikes/s")) == "Hz"
    with pytest.raises(DatasetError, match=r"Responses are in Hz, events, a\.u\., and not in 'kHz'"):
        make_dataset([[1.0, 2.0]], {"size": [1, 2]}, rate_unit="kHz")
    with pytest.raises(DatasetError, match=r"-0.5 Hz, and a rate cannot be negative.* \(rate_unit, events or a.u.\)"):
        make_dataset([[1.0, -0.5]], {"size": [1, 2]})


def test_an_argument_that_is_misspelt_is_no_attribute():
    with pytest.raises(DatasetError, match=r"no argument 'condition'\. Did you mean 'conditions'"):
        make_dataset([[1.0, 2.0]], {}, condition={"size": [1, 2]})
    assert make_dataset([[1.0, 2.0]], {}, source="here").attrs["source"] == "here"
