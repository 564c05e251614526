"""Bootstrap samples: as many units or groups as there are, each as likely as any other, and known by their number."""

import numpy as np
import pytest

from tuneful.curves import DatasetError, make_dataset, split
from tuneful.curves.resampling import resampled

RATES = np.arange(24.0).reshape(8, 3)
DATA = make_dataset(RATES, {"size": [1, 2, 4]}, {"session": list("aaabbbcd")})


def names(dataset):
    return [label.split(" #")[0] for label in dataset["unit"].values.tolist()]


def test_units_are_drawn_with_all_that_is_known_of_them():
    found = resampled(DATA, 3, 1)
    np.testing.assert_array_equal(found["rate"], DATA["rate"].sel(unit=names(found)))
    np.testing.assert_array_equal(found["session"], DATA["session"].sel(unit=names(found)))
    assert found.sizes["unit"] == 8
    assert len(set(found["unit"].values.tolist())) == 8


def test_a_sample_is_known_by_its_number():
    numbers = [names(resampled(DATA, 3, number)) for number in range(5)]
    assert numbers[2] == names(resampled(DATA, 3, 2))
    assert len(set(map(tuple, [*numbers, names(resampled(DATA, 4, 0))]))) == 6


def test_every_unit_is_as_likely_as_any_other():
    """Counts of one unit in one sample have mean 1 and variance 1 - 1/n; five standard errors of 100 samples."""
    drawn = [name for number in range(100) for name in names(resampled(DATA, 0, number))]
    counts = np.array([drawn.count(f"u{i}") for i in range(8)]) / 100
    assert np.all(np.abs(counts - 1) < 5 * np.sqrt((1 - 1 / 8) / 100))


def test_groups_are_drawn_whole():
    sizes = set()
    for number in range(20):
        drawn = names(resampled(DATA, 0, number, by="session"))
        a, b = [[drawn.count(f"u{i}") for i in group] for group in ((0, 1, 2), (3, 4, 5))]
        assert (len(set(a)), len(set(b))) == (1, 1)
        assert a[0] + b[0] + drawn.count("u6") + drawn.count("u7") == 4
        sizes.add(len(drawn))
    assert len(sizes) > 1


def test_copies_of_a_unit_are_fitted_together_or_held_out_together():
    """So that no unit is held out that was fitted; of half of the units, at most the copies of one more."""
    for number in range(20):
        sample = resampled(DATA, 0, number)
        assert sample["drawn_from"].values.tolist() == names(sample)
        train, test = split(sample, 0.5, number)
        assert not set(names(train)) & set(names(test))
        most = max(names(sample).count(name) for name in names(sample))
        assert 4 <= test.sizes["unit"] < 4 + most
        assert train.sizes["unit"] + test.sizes["unit"] == 8


def test_copies_of_one_unit_cannot_be_split():
    twice = DATA.isel(unit=[0, 0, 0, 0]).assign_coords(unit=list("abcd"), drawn_from=("unit", ["u0"] * 4))
    with pytest.raises(DatasetError, match=r"Holding out 0\.5 of 4 units does not leave 2"):
        split(twice, 0.5, 0)


def test_one_unit_is_drawn_as_it_is():
    one = make_dataset([[1.0, 2.0]], {"size": [1, 2]})
    np.testing.assert_array_equal(resampled(one, 0, 0)["rate"], one["rate"])


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(DatasetError, match=r"drawn by 'sesion'.*Did you mean 'session'\?"):
        resampled(DATA, 0, 0, by="sesion")
    with pytest.raises(DatasetError, match="They have none"):
        resampled(make_dataset([[1.0]], {"size": [1]}), 0, 0, by="session")
    one_sees = make_dataset(np.where(np.eye(8, 2, dtype=bool), 1.0, [[np.nan, 1.0]]), {"size": [1, 2]})
    numbers = range(60)  # which all hold unit 0 with a probability of 1e-11
    without = next(number for number in numbers if "u0" not in names(resampled(DATA, 0, number)))
    with pytest.raises(DatasetError, match="size=1"):
        resampled(one_sees, 0, without)
