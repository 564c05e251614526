"""Spikes counted in trials, against counting by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tuneful import from_spikes
from tuneful.curves import DatasetError

RNG = np.random.default_rng(0)
START = np.arange(40.0)
END = START + RNG.uniform(0.3, 0.9, 40)
SIZE = RNG.permutation(np.repeat([0.5, 1.0, 2.0, 4.0], 10))
SPIKES = {name: np.sort(RNG.uniform(0, 41, n)) for name, n in {"a": 300, "b": 50, "c": 0}.items()}


class Group(dict):
    """As much of a TsGroup of pynapple as is looked at: times, time support, metadata with a rate."""

    def __init__(self, spikes, support=(0.0, 50.0)):
        super().__init__({k: SimpleNamespace(t=v, time_support=None) for k, v in spikes.items()})
        self.time_support = SimpleNamespace(start=np.array([support[0]]), end=np.array([support[1]]))
        self.metadata = pd.DataFrame({"rate": 1.0, "area": ["V1", "V1", "LM"]}, index=list(spikes))


class Epochs(SimpleNamespace):
    """As much of an IntervalSet."""


def test_rates_variances_and_numbers_are_those_of_counting():
    data = from_spikes(SPIKES, np.stack([START, END], axis=1), {"Size (deg)": SIZE})
    assert data["size"].values.tolist() == [0.5, 1, 2, 4]
    assert data["size"].attrs["units"] == "deg"
    for label, times in SPIKES.items():
        for size in (0.5, 1.0, 2.0, 4.0):
            trials = np.flatnonzero(size == SIZE)
            rates = [sum(START[i] <= t < END[i] for t in times) / (END[i] - START[i]) for i in trials]
            one = data.sel(unit=label).isel(condition=data["size"].values.tolist().index(size))
            np.testing.assert_allclose(one["rate"], np.mean(rates), rtol=1e-14)
            np.testing.assert_allclose(one["rate_var"], np.var(rates, ddof=1), rtol=1e-12)
            assert one["n_trials"] == 10


def test_a_spike_at_the_end_belongs_to_the_next_trial():
    data = from_spikes([[0.0, 1.0, 1.0, 2.0]], [(0, 1), (1, 2)], {"size": [1, 2]})
    assert data["rate"].values.tolist() == [[1, 2]]
    assert np.isnan(data["rate_var"]).all()


def test_all_objects_give_the_same_curves():
    pairs = np.stack([START, END], axis=1)
    expected = from_spikes(SPIKES, pairs, {"size": SIZE})
    trials = pd.DataFrame({"start_time": START, "stop_time": END, "size": SIZE})
    epochs = Epochs(start=START, end=END, metadata=pd.DataFrame({"size": SIZE}))
    units = pd.DataFrame({"spike_times": list(SPIKES.values()), "electrodes": [[1], [2], [3]]}, index=list(SPIKES))
    for found in (
        from_spikes(SPIKES, (START, END), pd.Series(SIZE, name="size")),
        from_spikes(units, trials, "size"),
        from_spikes(
            SimpleNamespace(to_dataframe=lambda: units), SimpleNamespace(to_dataframe=lambda: trials), ["size"]
        ),
        from_spikes({k: v[::-1] for k, v in SPIKES.items()}, pairs, trials[["size"]]),
        from_spikes(Group(SPIKES), epochs, "size").drop_vars("area"),
    ):
        xr.testing.assert_identical(found, expected)


def test_a_window_counts_from_the_start():
    data = from_spikes(SPIKES, (START, START - 1), {"size": SIZE}, window=(0.25, 0.75))
    xr.testing.assert_identical(data, from_spikes(SPIKES, (START + 0.25, START + 0.75), {"size": SIZE}))


def test_trials_outside_of_the_time_support_do_not_count():
    data = from_spikes(Group(SPIKES, (0, 20)), (START, END), {"size": SIZE})
    inside = END <= 20
    expected = from_spikes(SPIKES, (START[inside], END[inside]), {"size": SIZE[inside]})
    np.testing.assert_array_equal(data["rate"], expected["rate"])
    assert data["area"].values.tolist() == ["V1", "V1", "LM"]
    assert f"In {3 * (~inside).sum()} of 120 pairs" in data.attrs["notes"][0]


def test_text_labels_conditions_and_blanks_are_left_out_on_request():
    shown = {"contrast": [0.2, None, 0.8, 0.2], "task": ["go", "go", "stop", "stop"], "side": ["l", "l", "r", "l"]}
    data = from_spikes([[0.5, 1.5, 2.5]], [(i, i + 1) for i in range(4)], shown, drop="contrast=")
    assert data["condition"].values.tolist() == ["go, l", "stop, l", "stop, r"]
    assert data["contrast"].values.tolist() == [0.2, 0.2, 0.8]
    assert data["rate"].values.tolist() == [[1, 0, 1]]


def test_milliseconds_beside_seconds_are_told():
    """A few spikes lie within trials all the same."""
    late = {name: 1000 * times for name, times in SPIKES.items()}
    (said,) = from_spikes(late, (START, END), {"size": SIZE}).attrs["notes"]
    assert "% of the spikes are between the first and the last trial" in said
    assert "are both in seconds?" in said


def test_one_unit_one_trial():
    data = from_spikes([[0.5]], [(0, 2)], {"size": [1]}, units={"area": ["V1"]})
    assert (data["rate"].item(), data["n_trials"].item(), data["area"].item()) == (0.5, 1, "V1")


PAIRS = [(0, 1), (1, 2), (2, 3)]
SIZES = {"size": [1, 1, 2]}


@pytest.mark.parametrize(
    ("spikes", "intervals", "conditions", "options", "message"),
    [
        (3, PAIRS, SIZES, {}, "Spikes are a mapping"),
        ([], PAIRS, SIZES, {}, "no units"),
        ({"a": ["x"]}, PAIRS, SIZES, {}, "unit 'a' are not numbers"),
        ({"a": [[1.0]]}, PAIRS, SIZES, {}, "not one dimension"),
        ({"a": [1.0, np.nan]}, PAIRS, SIZES, {}, "Spike 2 of unit 'a' is at nan"),
        ({"a": [1500.0]}, PAIRS, SIZES, {}, "spikes from 1500 to 1500, trials from 0 to 3.*in seconds"),
        ({"a": []}, PAIRS, SIZES, {}, "no unit has a spike"),
        ([[0.5]], [(0, 1, 2)], SIZES, {}, "array .trials, 2."),
        ([[0.5]], ((0, 1), (1, 2)), SIZES, {}, "two intervals or starts and ends"),
        ([[0.5]], "0 1", SIZES, {}, "numbers, in seconds"),
        ([[0.5]], (np.zeros(3), np.ones(2)), SIZES, {}, "of one length"),
        ([[0.5]], [(0, 1), (2, 1), (3, 4)], SIZES, {}, "Trial 2 begins at 2 s and ends at 1 s"),
        ([[0.5]], [(0, 1), (np.nan, 1), (3, 4)], SIZES, {}, "start of trial 2 is nan"),
        ([[0.5]], pd.DataFrame({"t": [1]}), SIZES, {}, "No column.*start or start_time"),
        ([[0.5]], PAIRS, {"size": [1, 2]}, {}, "shape .2,. and there are 3 trials"),
        ([[0.5]], PAIRS, {"size": [1, 2, np.nan]}, {}, "Trial 3 has no value of 'size' .1 of 3.*--drop size="),
        ([[0.5]], PAIRS, {"size": [1, 2, "3deg"]}, {}, "'3deg'.*not a number"),
        ([[0.5]], PAIRS, {"size": [1, 1, 2], "Size": [1, 1, 2]}, {}, "Two of the conditions"),
        ([[0.5]], PAIRS, {}, {}, "Nothing says which condition"),
        ([[0.5]], PAIRS, [1, 1, 2], {}, "Conditions are a mapping"),
        ([[0.5]], PAIRS, "", {}, "no other columns"),
        ([[0.5]], pd.DataFrame({"start": [0], "end": [1], "size": [2]}), "", {}, r"one or more of size \(1 values"),
        ([[0.5]], pd.DataFrame({"start": [0], "end": [1], "size": [2]}), "siz", {}, "Did you mean 'size'"),
        ([[0.5]], np.zeros((0, 2)), {"size": []}, {}, "no trials"),
        ([[0.5]], PAIRS, SIZES, {"window": (1, 0)}, "does not end after"),
        ([[0.5]], PAIRS, SIZES, {"window": 3}, "two numbers in seconds"),
        ([[0.5]], PAIRS, SIZES, {"drop": "size=7"}, "No condition has size = 7"),
        ([[0.5]], PAIRS, SIZES, {"drop": "size"}, "Nothing is left"),
        ([[0.5]], PAIRS, SIZES, {"units": {"area": ["V1", "LM"]}}, "'area' has shape .2,. and there are 1 units"),
        (Group(SPIKES, (60, 70)), (START, END), {"size": SIZE}, {}, "No trial lies within the time"),
    ],
)
def test_what_cannot_be_told_is_refused(spikes, intervals, conditions, options, message):
    with pytest.raises(DatasetError, match=message):
        from_spikes(spikes, intervals, conditions, **options)
