"""The registry of statistics, and those of the recordings against the oracle."""

import numpy as np
import pytest

from tuneful.curves import STATISTICS, DatasetError, compute, make_dataset, statistic, statistics_for

NAN = np.nan
GRID = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), -1).reshape(27, 3)
POSITION = dict(zip("xyz", GRID.T, strict=True))
SIZE = {"size": np.array([0.5, 1.0, 2.0, 4.0, 6.0])}
M1 = ("r2", "complexity", "rate", "coding_level")


@pytest.mark.parametrize("posture", ["Pronation", "Supination"])
@pytest.mark.parametrize("name", M1)
def test_real_recordings_match_the_oracle(lalazar, reference, posture, name):
    rates = np.loadtxt(lalazar / f"TuningCurvesFull_{posture}.dat", delimiter=",")
    expected = reference("m1_statistics")[posture.lower()]
    values = compute(name, rates, POSITION)
    assert len(rates) == expected["n_units"]
    assert np.nanmean(values) == pytest.approx(expected[name]["mean"], abs=1e-9)
    assert np.nanstd(values) == pytest.approx(expected[name]["sd"], abs=1e-9)
    if name != "rate":  # rates are the recordings themselves, which are not ours to give away
        np.testing.assert_allclose(values[:5], expected[name]["first5"], atol=1e-9, rtol=0)
    if name in ("r2", "complexity"):
        assert np.isnan(values).sum() == expected["n_constant"]


def test_all_missing_curves_are_undefined_in_every_statistic():
    conditions = POSITION | {"size": np.arange(27.0), "contrast": np.repeat([20.0, 50.0], [13, 14])}
    for name in STATISTICS:
        assert np.isnan(compute(name, np.full((2, 27), NAN), conditions)).all(), name


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (POSITION, M1),
        ({"x": POSITION["x"], "y": POSITION["y"] + 3 * POSITION["z"]}, M1),
        ({"size": np.arange(27)}, ("suppression_index", "max_rate", "preferred_size", "peak_width")),
        ({"contrast": np.arange(27)}, ("rate", "coding_level", "max_rate", "peak_width")),
        ({"size": np.repeat(1, 27), "contrast": np.arange(27)}, ("rate", "coding_level", "max_rate", "peak_width")),
    ],
)
def test_features_suggest_statistics_that_can_be_computed(conditions, expected):
    data = make_dataset(np.ones((2, 27)), conditions)
    assert statistics_for(data) == expected
    for name in expected:
        assert len(compute(name, data["rate"].values, conditions)) == 2


def test_a_dataset_can_ask_for_its_own_statistics():
    assert statistics_for(make_dataset([[1.0]], {}, statistics="max_rate")) == ("max_rate",)
    assert statistics_for(make_dataset([[1.0]], {}, statistics=("rate", "max_rate"))) == ("rate", "max_rate")
    with pytest.raises(DatasetError, match=r"no statistic 'max_rat'\. Did you mean 'max_rate'"):
        statistics_for(make_dataset([[1.0]], {}, statistics=["max_rat"]))


def test_users_register_their_own(monkeypatch):
    monkeypatch.setattr("tuneful.curves.statistics.STATISTICS", dict(STATISTICS))

    @statistic("mean_rate", label="Mean", unit="Hz", needs=("size",))
    def mean_rate(rates, conditions):
        return rates.mean(axis=1)

    assert compute("mean_rate", np.ones((2, 5)), SIZE).tolist() == [1, 1]
    with pytest.raises(DatasetError, match=r"'mean_rate' needs the feature 'size' \(found: x\)"):
        compute("mean_rate", np.ones((2, 5)), {"x": np.ones(5)})
    with pytest.raises(DatasetError, match=r"already exists in tuneful.curves.rates"):
        statistic("rate", label="Mine")(mean_rate)


def test_shapes_are_checked():
    with pytest.raises(DatasetError, match=r"Rates have shape \(27,\)"):
        compute("r2", np.ones(27), POSITION)
    with pytest.raises(DatasetError, match=r"'x' has shape \(27,\)"):
        compute("r2", np.ones((1, 5)), POSITION)
