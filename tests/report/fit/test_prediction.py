"""Numbers of the prediction: spreads, distances, and the feature along which they lie."""

import numpy as np
import pytest
import xarray as xr

from tuneful.curves import critical_value, ks_distance
from tuneful.report.fit import prediction, prediction_section

SIZES = np.array([0.5, 1.0, 2.0, 4.0, 6.0])
NEW_SIZES = np.array([0.75, 1.5, 3.0, 5.0, 8.0])


def test_model_is_drawn_in_old_and_new_conditions_and_data_in_old_ones(with_prediction):
    content = with_prediction()
    assert content.prediction is not None
    model = prediction.model_along(content, content.prediction, "size")
    assert model.places.tolist() == sorted([*SIZES, *NEW_SIZES])
    for place, curves in ((1.5, content.prediction), (2.0, content.end)):
        rates = curves["rate"].values[:, curves["size"].values == place]
        assert model.median[model.places == place] == np.median(rates)
    data = prediction.data_along(content, "size")
    np.testing.assert_allclose(data.high, np.quantile(content.measured["rate"].values[:100], 0.9, axis=0))


def test_distances_are_computed_where_the_result_has_none(size_content, with_prediction):
    content = with_prediction()
    found = prediction.distances(content)
    assert found is not None
    both = [curves["rate"].values for curves in (content.prediction, content.prediction_truth) if curves is not None]
    np.testing.assert_array_equal(found.ks, [ks_distance(both[0][:, s], both[1][:, s]) for s in range(5)])
    assert found.line == critical_value(400, 400)
    assert prediction.distances(with_prediction(truth=False)) is None
    assert prediction.distances(size_content()) is None


def test_distances_of_the_result_are_preferred_and_matched_by_condition(with_prediction, with_result):
    noted = {"ks": [0.5, 0.4, 0.3, 0.2, None], "line": 0.25, "conditions": {"size": NEW_SIZES[::-1].tolist()}}
    content = with_result(with_prediction(), prediction=noted)
    found = prediction.distances(content)
    assert found is not None
    np.testing.assert_array_equal(found.ks, [np.nan, 0.2, 0.3, 0.4, 0.5])
    assert found.line == 0.25
    assert prediction_section._verdict(found).startswith("In one of the four new conditions")
    no_names = with_result(with_prediction(truth=False), prediction={"ks": [0.1] * 5})
    found = prediction.distances(no_names)
    assert found is not None
    assert found.ks.tolist() == [0.1] * 5
    assert np.isnan(found.line)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"size": [8.0]}, "size"),
        ({"size": [8.0, 8.0]}, None),  # not told apart
        ({"size": [8.0, 9.0], "contrast": [1.0, 2.0]}, None),
        ({"orientation": [8.0, 9.0]}, None),
        ({"condition": ["a", "b"]}, None),
    ],
)
def test_one_feature_along_which_all_conditions_lie(conditions, expected, size_content):
    n = len(next(iter(conditions.values())))
    curves = xr.Dataset(
        {"rate": (("unit", "condition"), np.ones((3, n)))},
        coords={name: ("condition", values) for name, values in conditions.items()},
    )
    assert prediction.feature_along(size_content(prediction=curves)) == expected


def test_constant_second_feature_does_not_matter_unless_it_changes(size_content, size_curves):
    def data(contrast, sizes=SIZES):
        curves = size_curves(20, 0, 3.0, sizes, contrast=np.full(len(sizes), contrast))
        return curves.assign_coords(held_out=("unit", np.arange(20) < 5))

    same, other = data(20.0, NEW_SIZES), data(10.0, NEW_SIZES)
    assert prediction.feature_along(size_content(measured=data(20.0), prediction=same)) == "size"
    assert prediction.feature_along(size_content(measured=data(20.0), prediction=other)) is None
