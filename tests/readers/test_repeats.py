"""Trials are averaged when that is asked."""

import numpy as np
import pandas as pd
import pytest

from tuneful.curves import DatasetError
from tuneful.readers import load

TRIALS = pd.DataFrame(
    {
        "unit": ["a", "a", "a", "b", "b"],
        "size": [1, 1, 2, 1, 2],
        "trial": [1, 2, 3, 1, 1],
        "rate": [3.0, 5.0, 1.0, None, 7.0],
    }
)


@pytest.mark.parametrize("table", [TRIALS, TRIALS.drop(columns="trial")])
def test_repeats_are_refused_or_averaged(table):
    with pytest.raises(DatasetError, match=r"two rates for size=1.0 \(data rows 1 and 2.*--average"):
        load(table)
    data = load(table, average=True)
    np.testing.assert_array_equal(data["rate"], [[4, 1], [np.nan, 7]])
    np.testing.assert_array_equal(data["rate_var"], [[2, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(data["n_trials"], [[2, 1], [np.nan, 1]])
    assert set(data.coords) == {"unit", "size"}


def test_a_trial_of_its_own_needs_no_average():
    data = load(TRIALS.iloc[[0, 2, 4]])
    assert "trial" not in data.coords
    assert data["rate"].sizes["condition"] == 2


def test_averages_are_not_averaged_again():
    with pytest.raises(DatasetError, match="'n_trials' are averages already"):
        load(TRIALS.assign(n_trials=4), average=True)
