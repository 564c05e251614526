"""All curves of a page: numbers that are those of the data, on the axes of its figures."""

import json

import numpy as np

from tuneful.plot.selection import held_out
from tuneful.report.fit.every_unit import MOST_NUMBERS, all_curves

SIZES = {"size": np.array([0.5, 1.0, 2.0, 4.0, 16.0])}


def test_curves_are_those_of_the_held_out_units_beside_their_nearest(fit_content, measured_curves):
    labels = {"layer": ("unit", ["2/3", "5"] * 6), "depth": ("unit", np.arange(12.0)), "one": ("unit", ["a"] * 12)}
    content = fit_content(conditions=SIZES, measured=measured_curves(conditions=SIZES).assign_coords(labels))
    content.measured["rate"][0, 1] = np.nan
    found = json.loads(json.dumps(all_curves(content.parts()), allow_nan=False))
    data = held_out(content.measured)
    assert [unit["name"] for unit in found["units"]] == data["unit"].values.tolist()
    assert found["properties"] == ["layer", "depth"]
    assert found["units"][1]["properties"] == ["5", "1.0"]
    assert found["units"][0]["rates"][1] is None
    measured, model = (np.array(found["units"][1][key]) for key in ("rates", "model"))
    np.testing.assert_allclose(measured, data["rate"].values[1], rtol=0.5e-3)  # four digits
    assert np.isclose(found["units"][1]["apart"], np.sqrt(np.mean((measured - model) ** 2)), rtol=2e-3)
    assert found["logarithmic"]
    assert [name for _, name in found["ticks"]][-1] == "16"


def test_labels_are_a_property_and_errors_are_there_where_trials_are(size_curves, fit_content):
    data = size_curves(4, 0, 4.0)
    variances = {"rate_var": data["rate"] * 0 + 4.0, "n_trials": data["rate"] * 0 + 16.0}
    data = data.assign(variances).assign_coords(compared_as=("unit", ["E", "I"] * 2), held_out=("unit", [True] * 4))
    end = size_curves(6, 1, 4.0).assign_coords(compared_as=("unit", ["E", "I"] * 3))
    content = fit_content(("rate",), data, start=end, end=end)
    rows = {"rate": content.result["statistics"]["rate"]}
    result = content.result | {"labels": {"E": {}, "I": {}}, "statistics": {"E": rows, "I": rows}}
    content = fit_content(("rate",), data, start=end, end=end, result=result, evaluations=[])
    found = all_curves(content.parts())
    assert found["properties"] == ["label"]
    assert [unit["properties"] for unit in found["units"]] == [["E"], ["E"], ["I"], ["I"]]
    assert found["units"][0]["errors"] == [0.5] * 5  # sqrt(4 / 16)


def test_no_generated_curve_and_no_unit_are_said(fit_content, measured_curves):
    content = fit_content(conditions=SIZES)
    nothing = content.end * np.nan
    found = all_curves(fit_content(conditions=SIZES, end=nothing, start=nothing).parts())
    assert {unit["model"] for unit in found["units"]} == {None}
    empty = measured_curves(conditions=SIZES).isel(unit=slice(0, 0))
    assert all_curves(fit_content(conditions=SIZES, measured=empty).parts()) is None


def test_so_many_units_that_the_page_would_be_large_are_chosen_from(fit_content, measured_curves):
    conditions = {"size": np.linspace(1, 10, 600)}
    content = fit_content(conditions=conditions, measured=measured_curves(104, conditions, 104))
    found = all_curves(content.parts())
    assert len(found["units"]) == MOST_NUMBERS // 600
    assert found["left_out"] == 104 - MOST_NUMBERS // 600
