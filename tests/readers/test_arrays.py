"""Arrays, alone and in files."""

import numpy as np
import pytest

from tuneful.curves import DatasetError
from tuneful.readers import load

RATES = np.arange(12.0).reshape(3, 4)
SIZES = [0.5, 1.0, 2.0, 4.0]


def test_files_of_arrays(tmp_path):
    np.save(tmp_path / "a.npy", RATES)
    np.testing.assert_array_equal(load(tmp_path / "a.npy", conditions={"size": SIZES})["size"], SIZES)
    np.savez(tmp_path / "a.npz", firing_rate=RATES, Size=SIZES, depth=[1, 2, 3], neuron=["a", "b", "c"])
    data = load(tmp_path / "a.npz")
    assert data["unit"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(data["size"], SIZES)
    assert data["depth"].dims == ("unit",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": RATES, "b": RATES}, "no array 'rate' .found: a, b"),
        ({"rate": RATES, "size": [1, 2]}, "'size' .2,. belongs"),
        ({"rate": RATES[:, :3], "w": [1, 2, 3]}, "'w' .3,. belongs"),
        ({"rate": RATES.astype(object)}, "cannot be read"),
        ({"rate": RATES, "size": [1, 1, 2, 2], "trial": [1, 2, 1, 2]}, "'trial' counts repeats"),
        ({"rate": RATES, "firing_rate": RATES}, "'rate' and 'firing_rate' could both be 'rate'"),
    ],
)
def test_files_that_cannot_be_told(tmp_path, content, message):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "a.npz")


def test_a_square_file_goes_by_names(tmp_path):
    np.savez(tmp_path / "a.npz", rate=RATES[:, :3], size=[1, 2, 3], depth=[4, 5, 6])
    data = load(tmp_path / "a.npz")
    assert (data["size"].dims, data["depth"].dims) == (("condition",), ("unit",))


def test_a_transposed_array_is_named():
    with pytest.raises(DatasetError, match="transpose"):
        load(RATES.T, conditions={"size": SIZES})
