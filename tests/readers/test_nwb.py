"""NWB files written by pynwb."""

import contextlib
import random
import warnings
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
import xarray as xr

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pynwb import NWBHDF5IO, NWBFile, TimeSeries
    from pynwb.epoch import TimeIntervals

from tuneful import from_spikes, load
from tuneful.curves import DatasetError
from tuneful.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # of hdmf, at the types of others

RNG = np.random.default_rng(0)
START = np.arange(24.0)
CONTRAST = RNG.permutation(np.repeat([0.1, 0.4, np.nan], 8))
SPIKES = [np.sort(RNG.uniform(0, 24, n)) for n in (100, 0, 40)]
OBSERVED = [[[0.0, 30.0]], [[0.0, 12.0], [13.0, 30.0]], [[100.0, 200.0]]]


def session(observed=False):
    """A session with all kinds of columns, and a raw recording that nobody looks at."""
    file = NWBFile("made up", "id", datetime(2026, 1, 1, tzinfo=UTC))
    file.add_acquisition(TimeSeries("raw", np.zeros((10, 4)), "V", rate=1000.0))
    for name in ("stim_on", "contrast", "image", "correct"):
        file.add_trial_column(name, "as it says")
    file.add_trial_column("licks", "times", index=True)
    for i, start in enumerate(START):
        shown = {"contrast": CONTRAST[i], "image": "ab"[i % 2], "correct": bool(i % 4)}
        file.add_trial(start_time=start, stop_time=start + 0.8, stim_on=start + 0.1, licks=[start] * (i % 3), **shown)
    file.add_unit_column("quality", "by hand")
    file.add_unit_column("spike_amplitudes", "not read", index=True)
    for i, times in enumerate(SPIKES):
        more = {"obs_intervals": OBSERVED[i]} if observed else {}
        file.add_unit(spike_times=times, quality=f"q{i}", spike_amplitudes=times * 0, id=10 + i, **more)
    return file


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    def write(name, file):
        with NWBHDF5IO(tmp_path_factory.getbasetemp() / name, "w") as out:
            out.write(file, cache_spec=False)
        return tmp_path_factory.getbasetemp() / name

    return write


@pytest.fixture(scope="module")
def plain(path):
    return path("plain.nwb", session())


def test_an_nwb_file_is_its_spikes_in_its_trials(plain):
    data = load(plain, conditions="contrast,image", window=(0.05, 0.45), align="stim_on", drop="contrast=")
    kept = ~np.isnan(CONTRAST)
    shown = {"contrast": CONTRAST[kept], "image": np.where(np.arange(24) % 2, "b", "a")[kept]}
    start = START[kept] + 0.1
    expected = from_spikes(
        dict(zip(("10", "11", "12"), SPIKES, strict=True)), (start + 0.05, start + 0.45), shown,
        units={"quality": ["q0", "q1", "q2"]},
    )  # fmt: skip
    xr.testing.assert_identical(data, expected)


def test_objects_of_pynwb_are_taken_too(plain):
    with NWBHDF5IO(plain, "r") as file:
        content = file.read()
        found = from_spikes(content.units, content.trials, "image")
    xr.testing.assert_identical(found, load(plain, conditions="image"))
    assert found["rate"].shape == (3, 2)


def test_labels_and_other_trials(plain):
    data = load(plain, conditions=["image"], unit_column="quality", drop="correct=false")
    assert data["unit"].values.tolist() == ["q0", "q1", "q2"]
    assert data["n_trials"].values.tolist() == [[6, 12]] * 3


def test_units_count_where_they_were_observed(path):
    data = load(path("observed.nwb", session(observed=True)), conditions="image")
    assert data["unit"].values.tolist() == ["10", "11"]
    assert data["n_trials"].values.tolist() == [[12, 12], [11, 12]]
    assert "1 of 3 units were observed in no trial" in data.attrs["notes"][1]


def test_one_of_several_tables_is_chosen(path):
    file = NWBFile("made up", "id", datetime(2026, 1, 1, tzinfo=UTC))
    for name in ("gratings", "movies"):
        table = TimeIntervals(name, "shown")
        table.add_column("size", "deg")
        for i in range(4):
            table.add_interval(start_time=float(i), stop_time=i + 1.0, size=i % 2 + 1.0)
        file.add_time_intervals(table)
    file.add_unit(spike_times=[0.5, 1.5, 1.6])
    written = path("tables.nwb", file)
    with pytest.raises(DatasetError, match=r"several tables of intervals: say table=.*gratings, movies"):
        load(written, conditions="size")
    assert load(written, conditions="size", table="movies")["rate"].values.tolist() == [[0.5, 1]]


def broken(change):
    def written(source, target):
        target.write_bytes(source.read_bytes())
        with h5py.File(target, "r+") as file:
            change(file)

    return written


def without(*names):
    return broken(lambda file: [file.__delitem__(name) for name in names])


def replaced(name, values):
    return broken(lambda file: (file.__delitem__(name), file.__setitem__(name, values)))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (without(), {}, r"say --conditions.*one or more of contrast \(3 values\), correct \(2 values\), image"),
        (without(), {"conditions": "image", "table": "x"}, "no table of intervals 'x'.*one of trials"),
        (without(), {"conditions": "image", "unit_column": "qual"}, "Did you mean 'quality'"),
        (without(), {"conditions": "image", "align": "stim_on"}, "say --window"),
        (without(), {"conditions": "image", "align": "image", "window": "0,1"}, "no column of times 'image'"),
        (without(), {"conditions": "contrast"}, "Trial .* has no value of 'contrast'"),
        (without(), {"conditions": "image", "average": True}, "'average' does not apply"),
        (without("units"), {"conditions": "image"}, "no table of units with spike times .found: no units"),
        (without("units/spike_times"), {"conditions": "image"}, "no table of units with spike times"),
        (without("intervals"), {"conditions": "image"}, "no table of intervals"),
        (without("intervals/trials/start_time"), {"conditions": "image"}, "no numbers 'start_time'"),
        (replaced("intervals/trials/image", ["a"]), {"conditions": "image"}, "another number of values of 'image'"),
        (replaced("units/quality", ["a"]), {"conditions": "image"}, "1 values of 'quality' and 3 of id"),
        (
            replaced("units/spike_times_index", [200, 100, 140]),
            {"conditions": "image"},
            "does not fit its 140 values",
        ),
        (
            replaced("units/spike_times", 3.0),
            {"conditions": "image"},
            "is one value and no column",
        ),
        (replaced("units/spike_times_index", [0.5, 1, 2]), {"conditions": "image"}, "does not fit"),
        (
            replaced("units/spike_times", np.full(140, np.nan)),
            {"conditions": "image"},
            "Spike 1 of unit '10' is at nan",
        ),
        (replaced("units/spike_times", np.full(140, 1e9)), {"conditions": "image"}, "are both in seconds"),
        (replaced("units/spike_times", h5py.SoftLink("/units/id")), {"conditions": "image"}, "no table of units"),
        (lambda source, target: target.write_bytes(b"no HDF5"), {"conditions": "image"}, "is no HDF5 file"),
        (lambda source, target: target.write_bytes(b""), {"conditions": "image"}, "is empty"),
    ],
)
def test_files_that_cannot_be_used(plain, tmp_path, change, options, message):
    change(plain, tmp_path / "a.nwb")
    with pytest.raises(DatasetError, match=message):
        load(tmp_path / "a.nwb", **options)


def test_damaged_files_are_read_or_refused_in_one_sentence(plain, damaged, tmp_path):
    content, draw = plain.read_bytes(), random.Random(7)
    for _ in range(60):
        (tmp_path / "a.nwb").write_bytes(damaged(content, draw))
        with contextlib.suppress(UserError):
            load(tmp_path / "a.nwb", conditions="image")
