"""An inference in the folder of a run: what it writes, what it refuses, and a kill."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from tuneful import Fit
from tuneful.analysis import InferenceSettings
from tuneful.analysis import inference as module
from tuneful.errors import UserError
from tuneful.objectives import Moments
from tuneful.runs.folder import INFERENCE, INFERENCE_DRAWS, INFERENCE_SETTINGS, PREDICTIONS, RunFolder
from tuneful.runs.infer_run import execute_inference
from tuneful.runs.manifest import read_manifest
from tuneful.runs.progress import Progress

ASKED = {"curves": 48, "refits": 1, "replicates": 20, "polish": 3, "test": ("b = 0.5", "a = 2, b = 0.5")}
SETTINGS = InferenceSettings(method=("bootstrap", "profile"), **ASKED)


class Killed(BaseException):
    """Nothing in the library may catch it."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, toy, toy_data, tiny_settings):
    """A finished fit, of which tests take copies."""
    folder = tmp_path_factory.mktemp("fits") / "run"
    Fit(toy, Moments(), **tiny_settings).fit(toy_data, 0, out=folder, progress=False)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def infer(toy):
    def infer(path, settings=SETTINGS, resume=False, overwrite=False):
        fit = Fit.load(path, toy, Moments())
        return execute_inference(fit, RunFolder(path), settings, resume, overwrite, Progress(show=False))

    return infer


def without_times(table):
    return {key: value for key, value in table.items() if key != "wall_seconds"}


def test_it_goes_on_after_a_kill_with_the_same_bits_and_leaves_only_what_it_noted(run, infer, monkeypatch, tmp_path):
    other = shutil.copytree(run, tmp_path / "other")
    whole = infer(other)
    real, calls = module.InferenceDescent.step, []

    def step(self, state):
        calls.append(state)
        if len(calls) == 12:
            raise Killed
        return real(self, state)

    monkeypatch.setattr("tuneful.runs.checkpoints.FIRST_SAVE", 0.0)
    monkeypatch.setattr("tuneful.runs.checkpoints.SAVE_EVERY", 0.0)
    monkeypatch.setattr("tuneful.runs.checkpoints.SAVE_SHARE", 0.0)
    monkeypatch.setattr(module.InferenceDescent, "step", step)
    with pytest.raises(Killed):
        infer(run)
    assert not (run / INFERENCE).exists()
    with pytest.raises(UserError, match="add --resume"):
        infer(run)
    with pytest.raises(UserError, match="begun with another level"):
        infer(run, SETTINGS.model_copy(update={"level": 0.8}), resume=True)
    calls.clear()
    monkeypatch.setattr(
        module.InferenceDescent, "step", lambda self, state: (calls.append(state), real(self, state))[1]
    )
    resumed = infer(run, resume=True)
    assert 0 < len(calls) < len(whole["fitted"]) + 40
    assert without_times(resumed) == without_times(whole)
    assert (run / INFERENCE).read_text().replace(str(resumed["wall_seconds"]), "") == (
        other / INFERENCE
    ).read_text().replace(str(whole["wall_seconds"]), "")
    manifest = read_manifest(run)
    for name in (INFERENCE, INFERENCE_DRAWS, INFERENCE_SETTINGS):
        assert manifest.proves(run / name)
    assert not (run / "inference_checkpoints").exists()
    assert [one["restriction"] for one in whole["tests"]] == list(ASKED["test"])
    assert whole["tests"][1]["parameters"] == {"a": pytest.approx(2.0), "b": pytest.approx(0.5)}
    assert all(0 < one["p_value"] <= 1 for one in whole["tests"])
    assert infer(run, resume=True) == resumed  # nothing is left to be done
    with xr.open_dataset(run / INFERENCE_DRAWS, group="posterior", engine="h5netcdf") as draws:
        assert draws.sizes == {"chain": 1, "draw": 20}
        assert set(draws.data_vars) == {"a", "b"}


def test_numbers_are_those_of_the_python_api(run, infer, toy):
    settings = InferenceSettings(curves=48)
    table = infer(run, settings)
    found = Fit.load(run, toy, Moments()).inference(curves=48, progress=False)
    assert {key: table[key] for key in ("parameters", "correlation")} == {
        key: json.loads(json.dumps(found.table()[key])) for key in ("parameters", "correlation")
    }
    assert Fit.load(run, toy, Moments()).inference_table == table
    RunFolder(run).write_json(PREDICTIONS, {"of": "these draws"})
    replaced = infer(run, settings.model_copy(update={"seed": 1}), overwrite=True)
    assert replaced["parameters"] != table["parameters"]
    assert not (run / PREDICTIONS).exists()
    assert np.isfinite(replaced["simulation_share"])


def test_in_python_too_it_computes_in_the_precision_of_the_run(run, toy, monkeypatch):
    """Of numbers, and of products of matrices, whatever the session has outside."""

    def how(*_, **__):
        return jnp.ones(1).dtype.name, jax.config.jax_default_matmul_precision

    monkeypatch.setattr("tuneful.analysis.infer", how)
    fit = Fit.load(run, toy, Moments())
    for precision in ("float32", "float64"):
        fit.config_ = fit.config_.model_copy(update={"precision": precision})
        assert fit.inference(progress=False) == (precision, "highest")


def test_a_run_that_is_not_finished_or_was_changed_is_refused(run, infer, toy):
    (run / "data.nc").write_bytes((run / "data.nc").read_bytes() + b"\0")
    with pytest.raises(UserError, match=r"data\.nc is damaged, or was changed"):
        infer(run)
    (run / "data.nc").unlink()
    (run / "result.json").unlink()
    with pytest.raises(UserError, match="finished run"):
        infer(run)


def test_what_is_refused_leaves_nothing_behind_and_replaces_nothing(run, infer):
    asked = InferenceSettings(curves=48, clusters="day")
    with pytest.raises(UserError, match="no property 'day'"):
        infer(run, asked)
    assert not (run / INFERENCE_SETTINGS).exists()
    table = infer(run)
    with pytest.raises(UserError, match="no property 'day'"):
        infer(run, asked, overwrite=True)
    assert infer(run, resume=True) == table


def test_an_answer_stays_until_the_one_that_replaces_it_is_there(run, infer, toy, monkeypatch):
    table = infer(run, InferenceSettings(curves=48))
    other = InferenceSettings(curves=48, seed=1)

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("tuneful.runs.infer_run.infer", killed)
        with pytest.raises(Killed):
            infer(run, other, overwrite=True)
    assert Fit.load(run, toy, Moments()).inference_table == table
    with pytest.raises(UserError, match="begun with another seed"):
        infer(run, InferenceSettings(curves=48), resume=True)
    assert infer(run, other, resume=True)["seed"] == 1
    assert json.loads((run / INFERENCE).read_text())["seed"] == 1


def test_a_strange_file_is_refused_before_anything_is_computed(run, infer, monkeypatch):
    monkeypatch.setattr("tuneful.runs.infer_run.infer", lambda *_, **__: pytest.fail("computed"))
    (run / INFERENCE_DRAWS).write_text("mine")
    with pytest.raises(UserError, match=r"inference\.nc was not written by tuneful"):
        infer(run)
    assert (run / INFERENCE_DRAWS).read_text() == "mine"


def test_an_inference_of_another_answer_does_not_outlive_it(run, infer, toy, toy_data, tiny_settings):
    infer(run, InferenceSettings(curves=48))
    again = tiny_settings | {"max_steps": 8}
    Fit(toy, Moments(), **again).fit(toy_data, 0, out=run, resume=True, progress=False)
    assert not (run / INFERENCE).exists()
    assert Fit.load(run, toy, Moments()).inference_table is None
