"""The canonical form of a dataset, and what is wrong with one that has none."""

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import DatasetError, features, make_dataset, validate

NAN = np.nan


def dataset(rates, **options):
    return make_dataset(rates, {"size": np.arange(1.0, 1 + np.shape(rates)[1])}, **options)


def raw(rates, **coords):
    return xr.Dataset({"rate": (("unit", "condition"), rates)}, coords or {"size": ("condition", [0.5, 4.0])})


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
        (lambda: dataset([[1, 2]], rate_var=[[1, -4]]), r"rate_var of unit 'u0' in condition 1 .* is -4 Hz\^2"),
        (lambda: dataset([[1, 2]], n_trials=[[0, 1]]), "n_trials of unit 'u0' in condition 0 .* is 0,"),
        (lambda: make_dataset([[1, 2]], {"size": [1, NAN]}), "Feature 'size' of condition 1 is nan"),
        (lambda: make_dataset([[1, 2]], {"side": ["l", "r"]}), "Feature 'side' of condition 0 is 'l'"),
        (lambda: make_dataset([[1, 2]], {"size": [3, 3]}), r"Condition 1 \(size=3.0\) is the same as condition 0"),
        (
            lambda: make_dataset([[1, 2]], {"size": [0.1 + 0.2, 0.3], "contrast": [5, 5]}),
            "'size' has 0.3 and 0.3.*4, wh",
        ),
    ],
)
def test_bad_data_are_named_in_one_sentence(make, message):
    with pytest.raises(DatasetError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_unmeasured_entries_need_no_variance_or_trials():
    data = dataset([[1, NAN], [1, 2]], rate_var=[[1, -1], [NAN, 1]], n_trials=[[1, 0], [NAN, 1]])
    assert data["n_trials"].values[0, 1] == 0


def test_positions_on_a_circle_may_be_off_by_rounding_in_one_coordinate():
    angle = np.arange(8) * np.pi / 4
    places = {"x": np.cos(angle), "y": np.sin(angle)}
    assert len(np.unique(places["x"])) > 5  # of cos 45 and cos 315 degrees, one is smaller by rounding
    np.testing.assert_array_equal(make_dataset(np.ones((1, 8)), places)["x"], places["x"])
