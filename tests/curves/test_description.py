"""What a dataset is said to hold."""

import json

import numpy as np
import pytest

from tuneful.curves import describe, make_dataset

NAN = np.nan


def test_describe_counts():
    rates = [[0, 0, 0], [2, 2, NAN], [1, 7, NAN], [1, 2, 3]]
    found = describe(make_dataset(rates, {"size": [1, 2, 3]}, {"area": ["a", "b", "b", "b"]}))
    assert json.loads(json.dumps(found)) == found
    assert (found["n_units"], found["n_conditions"], found["n_complete"]) == (4, 3, 2)
    assert found["missing_fraction"] == pytest.approx(2 / 12)
    assert found["rate_range"] == [0, 7]
    assert (found["n_silent"], found["n_constant"]) == (1, 2)
    assert found["features"]["size"] == {"values": [1, 2, 3], "min": 1, "max": 3, "unit": ""}
    assert (found["units"], found["labels"]) == ({"area": 2}, {"area": {"a": 1, "b": 3}})
    assert found["rate_unit"] == "Hz"
    assert [p["missing"] for p in found["missing_patterns"]] == [[], [2]]
    assert found["statistics"] == ["suppression_index", "max_rate", "preferred_size", "peak_width"]
