import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuneful.curves import STATISTICS, DatasetError, compute, make_dataset, statistic, statistics_for
from tuneful.curves.lattice import neighbours

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
    np.testing.assert_allclose(values.ravel()[:5], expected[name]["first5"], atol=1e-9, rtol=0)
    if name in ("r2", "complexity"):
        assert np.isnan(values).sum() == expected["n_constant"]


def by_hand(name, curve, conditions):
    """The definition, for one curve, condition by condition: an independent truth for missing entries."""
    seen = np.flatnonzero(~np.isnan(curve))
    r = curve[seen]
    if name in ("r2", "complexity") and (len(r) == 0 or r.max() == r.min()):
        return NAN
    if name == "r2":
        design = np.c_[np.ones(len(seen)), *(conditions[a][seen] for a in "xyz")]
        if len(seen) < 5 or np.linalg.matrix_rank(design) < 4:
            return NAN
        fit = design @ np.linalg.lstsq(design, r, rcond=None)[0]
        return 1 - ((r - fit) ** 2).sum() / ((r - r.mean()) ** 2).sum()
    if name == "complexity":
        u = 2 * (curve - r.min()) / (r.max() - r.min()) - 1
        at = np.stack([conditions[a] for a in "xyz"], 1)
        steps = [abs(u[i] - u[j]) for i in seen for j in seen if i < j and np.abs(at[i] - at[j]).sum() == 1]
        return np.std(steps) if len(steps) >= 2 else NAN
    return (r > 5).mean() if len(r) else NAN


@given(
    rates=arrays(float, (4, 27), elements=st.integers(0, 40).map(float)),
    kept=arrays(bool, (2, 27)),
    which=arrays(int, 4, elements=st.integers(0, 1)),
)
@pytest.mark.parametrize("name", ["r2", "complexity", "coding_level"])
def test_missing_conditions_are_left_out(name, rates, kept, which):
    rates = np.where(kept[which], rates, NAN)
    expected = np.array([by_hand(name, curve, POSITION) for curve in rates])
    np.testing.assert_allclose(compute(name, rates, POSITION), expected, atol=1e-9)


def test_r2_is_undefined_where_the_fit_is_not_determined():
    curve = np.arange(27.0)[None]
    on_a_plane = np.where(GRID[:, 0] == 0, curve, NAN)
    four_points = np.where(np.isin(np.arange(27), [0, 1, 3, 9]), curve, NAN)
    assert np.isnan(compute("r2", on_a_plane, POSITION)).all()
    assert np.isnan(compute("r2", four_points, POSITION)).all()
    assert compute("r2", curve, POSITION) == pytest.approx(1)


@pytest.mark.parametrize(
    "levels",
    [
        ([-1, 0, 1], [-1, 0, 1], [-1, 0, 1]),
        ([-35, 0, 35], [-35, 0, 35], [-40, -5, 30]),
        ([0.1, 0.2, 5.0], [3.0, 2.0], [0.0, 7.0, 9.0, 9.5]),
        ([0.0], [1.0], [0.0, 1.0]),
    ],
)
def test_neighbours_of_any_full_grid(levels):
    at = np.stack(np.meshgrid(*levels, indexing="ij"), -1).reshape(-1, 3)
    at = np.random.default_rng(0).permutation(at)  # the order of conditions does not matter
    first, second = neighbours(dict(zip("xyz", at.T, strict=True)))
    a, b, c = map(len, levels)
    assert len(first) == (a - 1) * b * c + a * (b - 1) * c + a * b * (c - 1)
    assert ((at[first] != at[second]).sum(axis=1) == 1).all()


def test_floating_point_noise_does_not_make_new_levels():
    noisy = POSITION | {"x": POSITION["x"] + 1e-13 * np.arange(27)}
    assert len(neighbours(noisy)[0]) == 54


@given(
    rates=arrays(float, (5, 27), elements=st.integers(0, 40).map(float)),
    scale=st.floats(0.1, 10),
    offset=st.floats(0, 10),
)
def test_r2_and_complexity_do_not_depend_on_scale_and_offset(rates, scale, offset):
    for name in ("r2", "complexity"):
        expected = compute(name, rates, POSITION)
        np.testing.assert_allclose(compute(name, 1 + rates, POSITION), expected, atol=1e-8)
        defined = ~np.isnan(expected)
        np.testing.assert_allclose(
            compute(name, scale * rates[defined] + offset, POSITION), expected[defined], atol=1e-8
        )


def test_size_statistics_of_known_curves():
    rates = np.array(
        [[0, 2, 4, 2, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 2, 4, 2, NAN], [NAN, 2, 4, 2, 1], [0, 0, 0, 0, 3]],
        dtype=float,
    )
    expected = {
        "suppression_index": [0.75, 0, NAN, NAN, 0.75, 0],
        "max_rate": [4, 1, 0, 4, 4, 3],
        "preferred_size": [2, 0.5, NAN, NAN, 2, 6],
        "peak_width": [81 / 25, 5, NAN, 64 / 24, 81 / 25, 1],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(compute(name, rates, SIZE), values)
    shuffled = np.array([3, 0, 4, 1, 2])  # sizes need not be in order
    for name, values in expected.items():
        np.testing.assert_allclose(compute(name, rates[:, shuffled], {"size": SIZE["size"][shuffled]}), values)


def test_all_missing_curves_are_undefined_in_every_statistic():
    conditions = POSITION | {"size": np.arange(27.0)}
    for name in STATISTICS:
        assert np.isnan(compute(name, np.full((2, 27), NAN), conditions)).all(), name


def test_one_size_tuning_curve_at_a_time():
    with pytest.raises(DatasetError, match=r"same size.*contrast"):
        compute("suppression_index", np.ones((1, 2)), {"size": np.array([1.0, 1.0])})


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (POSITION, M1),
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
    with pytest.raises(DatasetError, match="no statistic 'max_rat': did you mean max_rate"):
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
