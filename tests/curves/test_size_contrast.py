"""Statistics of curves over sizes and contrasts, against loops over plain numbers."""

import numpy as np
import pytest

from tuneful.curves import compute, make_dataset, statistics_for
from tuneful.curves.schema import features

SIZES, CONTRASTS = (5.0, 8.0, 13.0), (0.0, 6.0, 50.0, 100.0)
NAMES = ("full_suppression_index", "full_preferred_size", "half_contrast", "relative_rate")


@pytest.fixture
def conditions():
    """All sizes at all contrasts, in no order."""
    pairs = [(b, c) for b in SIZES for c in CONTRASTS]
    order = np.random.default_rng(0).permutation(len(pairs))
    size, contrast = np.array(pairs)[order].T
    return {"size": size, "contrast": contrast}


def half_by_search(rate, contrasts):
    """Walk up in contrast until half the rise is reached."""
    half = (rate[0] + rate[-1]) / 2
    for k in range(1, len(rate)):
        if rate[k] >= half:
            share = (half - rate[k - 1]) / (rate[k] - rate[k - 1])
            return contrasts[k - 1] + share * (contrasts[k] - contrasts[k - 1])
    return np.nan


def test_statistics_are_those_of_loops(conditions):
    rates = np.random.default_rng(1).exponential(5, (40, 12))
    found = {name: compute(name, rates, conditions) for name in NAMES}
    at = {pair: k for k, pair in enumerate(zip(conditions["size"], conditions["contrast"], strict=True))}
    for i, curve in enumerate(rates):
        full = [curve[at[b, 100.0]] for b in SIZES]
        preferred = SIZES[int(np.argmax(full))]
        over_contrast = [curve[at[preferred, c]] for c in CONTRASTS]
        assert found["full_suppression_index"][i] == pytest.approx(1 - full[-1] / max(full))
        assert found["full_preferred_size"][i] == preferred
        if over_contrast[0] >= over_contrast[-1]:
            assert np.isnan(found["half_contrast"][i])
        elif over_contrast[0] < (over_contrast[0] + over_contrast[-1]) / 2:
            assert found["half_contrast"][i] == pytest.approx(half_by_search(over_contrast, CONTRASTS))
        np.testing.assert_allclose(found["relative_rate"][i], curve / curve.mean())


def test_what_is_missing_or_silent_is_not_defined(conditions):
    rates = np.ones((3, 12)) + np.where(conditions["contrast"] == 100, 1.0, 0.0)
    rates[0] = 0
    rates[1, (conditions["size"] == 5) & (conditions["contrast"] == 6)] = np.nan
    rates[2, (conditions["size"] == 13) & (conditions["contrast"] == 100)] = np.nan
    defined = {name: ~np.isnan(compute(name, rates, conditions)) for name in NAMES}
    assert defined["full_suppression_index"].tolist() == [False, True, False]
    assert defined["half_contrast"].tolist() == [False, False, False]
    assert defined["relative_rate"].sum(axis=1).tolist() == [0, 11, 11]


def test_crossed_sizes_and_contrasts_are_described_by_them(conditions):
    assert statistics_for(make_dataset(np.ones((2, 12)), conditions)) == NAMES
    one = {name: values[conditions["contrast"] == 100] for name, values in conditions.items()}
    assert "suppression_index" in statistics_for(make_dataset(np.ones((2, 3)), one))
    unlike = {"size": np.array([1.0, 1.0, 2.0]), "contrast": np.array([10.0, 20.0, 10.0])}
    assert "coding_level" in statistics_for(make_dataset(np.ones((2, 3)), unlike))
    assert set(features(make_dataset(np.ones((2, 12)), conditions))) == {"size", "contrast"}
