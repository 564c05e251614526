"""Statistics of size-tuning curves, by hand."""

import numpy as np
import pytest

from tuneful.curves import DatasetError, compute

NAN = np.nan
SIZE = {"size": np.array([0.5, 1.0, 2.0, 4.0, 6.0])}


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


def test_one_size_tuning_curve_at_a_time():
    with pytest.raises(DatasetError, match=r"same size.*contrast"):
        compute("suppression_index", np.ones((1, 2)), {"size": np.array([1.0, 1.0])})
