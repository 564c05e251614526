"""The recordings of motor cortex, and their download."""

import contextlib
import hashlib
import random
import shutil

import numpy as np
import pooch
import pytest

from tuneful.curves import DatasetError, describe
from tuneful.errors import UserError
from tuneful.readers import fetch_lalazar, load, read_lalazar
from tuneful.readers.lalazar import POSITIONS, SHA256, STATISTICS

NAN = np.nan


@pytest.mark.parametrize(("posture", "n"), [("pronation", 293), ("supination", 222)])
def test_complete_units_are_those_of_the_published_file(lalazar, posture, n):
    data = load(lalazar, posture=posture)
    full = np.loadtxt(lalazar / f"TuningCurvesFull_{posture.capitalize()}.dat", delimiter=",")
    assert data.sizes == {"unit": n, "condition": 27}
    np.testing.assert_array_equal(data["rate"], full)
    assert data.attrs["posture"] == posture
    assert tuple(data.attrs["statistics"]) == STATISTICS
    np.testing.assert_array_equal(np.stack([data[a] for a in "xyz"], axis=1), POSITIONS)
    assert POSITIONS[1].tolist() == [-1, -1, 0]  # z fastest


def test_both_postures_know_which_curves_are_of_one_cell(lalazar):
    data = load(lalazar, posture="both")
    halves = [load(lalazar, posture=posture)["rate"].values for posture in ("pronation", "supination")]
    np.testing.assert_array_equal(data["rate"], np.concatenate(halves))
    assert len(np.unique(data["unit"])) == 293 + 222
    twice = data.isel(unit=data["cell"].values == data["cell"].values[-1])
    assert twice["posture"].values.tolist() in (["pronation", "supination"], ["supination"])
    assert 293 < len(np.unique(data["cell"])) < 293 + 222
    with pytest.raises(DatasetError, match="not shown the same positions in both postures"):
        load(lalazar, posture="both", complete=False, grid=2)


def test_all_units_keep_their_row_as_label(lalazar):
    data = read_lalazar(lalazar, complete=False)
    rows = np.loadtxt(lalazar / "TuningCurves_Pronation.dat", delimiter=",")
    np.testing.assert_array_equal(data["rate"].sel(unit="u017"), rows[17])
    found = describe(data)
    assert (found["n_units"], found["n_complete"], found["n_silent"]) == (510, 293, 6)
    assert found["missing_fraction"] == pytest.approx(0.077, abs=5e-4)
    assert np.bincount(data["grid"]).tolist() == [132, 328, 11, 39]


def test_a_grid_has_its_own_positions(lalazar):
    targets = np.stack([np.loadtxt(lalazar / f"{a}Cells.dat", delimiter=",") for a in "XYZ"], axis=-1)
    every = read_lalazar(lalazar, complete=False)
    for grid, n_positions in enumerate([27, 27, 27, 9]):  # the last was recorded at corners and centre only
        data = read_lalazar(lalazar, complete=False, grid=grid)
        row = int(data["unit"].values[0][1:])
        used = every["rate"].sel(unit=data["unit"]).notnull().any("unit").values
        assert data.sizes["condition"] == used.sum() == n_positions
        np.testing.assert_array_equal(np.stack([data[a] for a in "xyz"], 1) * 35, targets[row][used])
        assert (data["grid"] == grid).all()
    with pytest.raises(DatasetError, match="no grid 4: choose one of 0 to 3"):
        read_lalazar(lalazar, grid=4)


@pytest.fixture
def small_folder(tmp_path):
    rates = np.arange(54.0).reshape(2, 27)
    np.savetxt(tmp_path / "TuningCurves_Pronation.dat", rates, delimiter=",")
    return tmp_path


def test_target_files_are_optional(small_folder):
    data = load(small_folder)
    assert data.sizes["unit"] == 2
    assert "grid" not in data.coords
    with pytest.raises(DatasetError, match=r"no XCells.dat"):
        load(small_folder, grid=0)


def test_folders_that_are_not_the_recordings(small_folder):
    with pytest.raises(DatasetError, match=r"no file 'TuningCurves_Supination.dat'"):
        load(small_folder, posture="supination")
    with pytest.raises(DatasetError, match="no posture 'prone'"):
        load(small_folder, posture="prone")
    with pytest.raises(DatasetError, match=r"no TuningCurves\*.dat"):
        load(small_folder.parent)
    file = small_folder / "TuningCurves_Pronation.dat"
    for content, message in {"": "is empty", "1,2\n3,4\n": "has 2 columns", "1,two\n": "could not be read"}.items():
        file.write_text(content)
        with pytest.raises(DatasetError, match=message):
            load(small_folder)


@pytest.fixture
def with_targets(small_folder):
    for axis, values in zip("XYZ", POSITIONS.T * 35, strict=True):
        np.savetxt(small_folder / f"{axis}Cells.dat", [values, values], delimiter=",", fmt="%g")
    return small_folder


@pytest.mark.parametrize("name", ["XCells.dat", "ZCells.dat"])
def test_targets_that_belong_to_other_units_are_refused(with_targets, name):
    """Also where the three files do not agree, or one of them is not there."""
    assert load(with_targets, grid=0).sizes["condition"] == 27
    for table, message in {1: "has 1 rows for 2 units", 3: "has 3 rows for 2 units"}.items():
        np.savetxt(with_targets / name, np.ones((table, 27)), delimiter=",")
        with pytest.raises(DatasetError, match=f"{name}' {message}"):
            load(with_targets)
    np.savetxt(with_targets / name, np.where(np.eye(2, 27), NAN, 1.0), delimiter=",")
    with pytest.raises(DatasetError, match=f"{name}' has a position in row 0 that is not finite"):
        load(with_targets)
    (with_targets / name).unlink()
    with pytest.raises(DatasetError, match=f"has no file '{name}'"):
        load(with_targets)
    (with_targets / name).mkdir()
    with pytest.raises(DatasetError, match=f"has no file '{name}'"):
        load(with_targets)


def test_complete_is_true_or_false(small_folder):
    with pytest.raises(DatasetError, match="'complete' is true or false, and not 'no'"):
        load(small_folder, complete="no")


def test_300_damaged_folders_are_read_or_refused_in_one_sentence(with_targets, damaged):
    draw, names = random.Random(7), sorted(file.name for file in with_targets.iterdir())
    whole = {name: (with_targets / name).read_bytes() for name in names}
    for i in range(300):
        name = names[i % 4]
        (with_targets / name).write_bytes(damaged(whole[name], draw))
        with contextlib.suppress(UserError):
            load(with_targets, grid=0 if i % 3 else None)
        (with_targets / name).write_bytes(whole[name])


def test_the_download_is_checked_and_cached(lalazar, tmp_path, monkeypatch):
    asked = []

    def copy(self, url, output_file, pooch):
        asked.append(url)
        shutil.copy(lalazar / url.rsplit("/", 1)[1], output_file)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", copy)
    assert load("lalazar2016").sizes["unit"] == 293
    assert len(asked) == len(SHA256) == 13
    for name, expected in SHA256.items():
        assert hashlib.sha256((fetch_lalazar() / name).read_bytes()).hexdigest() == expected
    assert len(asked) == 13  # nothing is fetched twice


def fail(*_):
    raise OSError("no route to host")


def corrupt(self, url, output_file, pooch):
    with open(output_file, "w") as file:
        file.write("a page that says 404")


@pytest.mark.parametrize(("downloader", "reason"), [(fail, "no route to host"), (corrupt, "hash")])
def test_a_failed_download_says_how_to_go_on(tmp_path, monkeypatch, downloader, reason):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", downloader)
    with pytest.raises(DatasetError, match=f"{reason}.*give a local folder"):
        fetch_lalazar()
