"""Folders that were damaged, edited or mixed up are read as what they are, or refused in one sentence."""

import random
import shutil
from functools import partial

import numpy as np
import pytest

from tuneful import Fit
from tuneful.errors import UserError
from tuneful.fitting.places import losses_at
from tuneful.fitting.score_learning import ScorePlan
from tuneful.objectives import EnergyDistance

SHAPES = [
    "", "{", "[]", "{}", "3", "null", '"x"', "NaN", "1" * 6000, "[" * 100_000, '{"kind": "fit"}', '{"circuit": 3}',
    '{"kind": []}', '{"circuit": "toy", "data": [1], "penalties": [3], "format": "x"}', '{"parameters": {"a": 1}}',
]  # fmt: skip


@pytest.fixture
def fit(toy, tiny_settings):
    return Fit(toy, EnergyDistance(), **tiny_settings)


@pytest.fixture(scope="module")
def finished(toy, toy_data, tiny_settings, tmp_path_factory):
    """The folder of a finished run, with an empty page."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        fit = Fit(toy, EnergyDistance(), **(tiny_settings | {"predict": {"size": [3.0]}}))
        fit.fit(toy_data, 0, out=folder, progress=False)
    return folder


def reshaped(path, others, rng):
    path.write_text(rng.choice(SHAPES))


def cut(path, others, rng):
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def flipped(path, others, rng):
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 20])):
        content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(content)


def removed(path, others, rng):
    path.unlink()


def a_folder_now(path, others, rng):
    path.unlink()
    path.mkdir()


def swapped(path, others, rng):
    path.write_bytes(rng.choice(others).read_bytes())


def pickled(path, others, rng):
    with open(path, "wb") as file:
        np.savez(file, arr_0=np.array([{"a": 1}], dtype=object))


DAMAGES = [reshaped, reshaped, cut, flipped, removed, a_folder_now, swapped, pickled]


def damaged(folder, rng):
    """Damage one file of a run; of some folders, as earlier versions left them, nothing is proven."""
    if rng.random() < 0.4:
        (folder / ".tuneful.json").unlink()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    rng.choice(DAMAGES)(rng.choice(files), files, rng)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_run_is_read_or_refused_in_one_sentence(finished, toy, tmp_path, seed):
    folder = shutil.copytree(finished, tmp_path / "run")
    damaged(folder, random.Random(seed))
    try:
        Fit.load(folder, toy)
    except UserError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - it need not be raised


@pytest.mark.parametrize("seed", range(100, 140))
def test_a_damaged_run_goes_on_or_is_refused_in_one_sentence(finished, fit, toy_data, tmp_path, monkeypatch, seed):
    folder = shutil.copytree(finished, tmp_path / "run")
    for path in [*folder.glob("result.*"), *folder.glob("prediction*"), folder / "start.nc", folder / "report.html"]:
        path.unlink()
    damaged(folder, random.Random(seed))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def interrupted(task, course, recorder, keeper, observers):
        keeper.load(lambda: course.pack(course.init()))
        raise KeyboardInterrupt

    monkeypatch.setattr("tuneful.runs.fit_run.run_course", interrupted)
    if not (folder / "config.json").is_file():
        return  # it would begin anew
    with pytest.raises((UserError, KeyboardInterrupt)) as end:
        fit.fit(toy_data, 0, out=folder, resume=True, progress=False)
    if end.type is not KeyboardInterrupt:
        assert len(str(end.value).splitlines()) == 1
        assert {path: path.read_bytes() for path in before} == before


def test_other_curves_in_the_folder_are_found_out(finished, fit, toy_data, tmp_path):
    """Of an earlier version, which did not note what it wrote."""
    folder = shutil.copytree(finished, tmp_path / "run")
    shutil.copy(folder / "start.nc", folder / "data.nc")
    (folder / ".tuneful.json").unlink()
    with pytest.raises(UserError, match="does not hold the curves of the run"):
        fit.fit(toy_data, 0, out=folder, resume=True, progress=False)


def test_a_page_is_left_out_and_written_later(toy, toy_data, tiny_settings, tmp_path, quick_report):
    fit = Fit(toy, **(tiny_settings | {"max_steps": 1, "page": False}))
    fit.fit(toy_data, 0, out=tmp_path / "run", progress=False)
    assert (tmp_path / "run" / "result.json").exists()
    assert not (tmp_path / "run" / "report.html").exists()
    with_page = Fit(toy, **(tiny_settings | {"max_steps": 1}))
    with_page.fit(toy_data, 0, out=tmp_path / "run", resume=True, progress=False)
    assert (tmp_path / "run" / "report.html").exists()
    fit.fit(toy_data, 0, out=tmp_path / "run", resume=True, progress=False)
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_run_that_is_killed_in_its_last_stage_goes_on_there(toy, toy_data, tiny_settings, tmp_path, monkeypatch):
    """And says what came of it; states are gone when it has finished."""
    monkeypatch.setattr("tuneful.fitting.fits.ScorePlan", partial(ScorePlan, hidden=(1, 8), epochs=3))
    monkeypatch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
    monkeypatch.setattr("tuneful.fitting.score_steps.losses_at", partial(losses_at, curves=48, most=48))
    fit, seen = Fit(toy, EnergyDistance(), **tiny_settings, one_step=True, score_realisations=100), list[int]()
    monkeypatch.setattr("tuneful.runs.fit_run.show_steps", lambda progress: lambda moment: moment.steps >= 3)
    with pytest.raises(KeyboardInterrupt):
        fit.fit(toy_data, 0, out=tmp_path / "run", progress=False)
    monkeypatch.setattr("tuneful.runs.fit_run.show_steps", lambda progress: lambda moment: seen.append(moment.steps))
    found = fit.fit(toy_data, 0, out=tmp_path / "run", resume=True, progress=False).result_
    assert seen[0] == 3
    assert found["one_step"]["words"] in found["warnings"]
    moved = np.array(list(found["one_step"]["moved"].values()))
    assert found["one_step"]["steps"] == 0 or moved.all()
    assert not (tmp_path / "run" / "one_step_checkpoints").exists()


def test_an_answer_stays_where_no_score_is_learned(toy, toy_data, tiny_settings, tmp_path, monkeypatch, quick_report):
    def nothing_settles(*_, **__):
        raise UserError("Nothing settles.")

    monkeypatch.setattr("tuneful.fitting.fits.one_step", nothing_settles)
    plain = Fit(toy, EnergyDistance(), **tiny_settings).fit(toy_data, 0, progress=False)
    fit = Fit(toy, EnergyDistance(), **tiny_settings, one_step=True)
    found = fit.fit(toy_data, 0, out=tmp_path / "run", progress=False).result_
    assert not found["one_step"]["taken"]
    assert found["one_step"]["words"] in found["warnings"]
    assert "Nothing settles." in found["one_step"]["words"]
    assert found["parameters"] == plain.result_["parameters"]
