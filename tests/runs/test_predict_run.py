"""Predictions with bands, in the folder of a run: numbers, refusals, and a kill."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from tuneful import Fit
from tuneful.analysis.predictions import PredictionDescent, mean_slopes
from tuneful.fitting.simulation import simulate
from tuneful.objectives import Moments
from tuneful.runs.folder import RunFolder
from tuneful.runs.manifest import read_manifest
from tuneful.runs.predicted_files import values_at_draws

TRUTH = {"a": 3.0, "b": 1.0}


class Killed(BaseException):
    """Nothing in the library may catch it."""


@pytest.fixture(scope="module")
def run(toy, tiny_settings, tmp_path_factory):
    """A fit of one step from the truth, of 80 units, and an inference on it."""
    curves = simulate(toy.with_values(TRUTH), 80, jax.random.key(1))
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        fit = Fit(toy.with_values(TRUTH), Moments(), **tiny_settings | {"max_steps": 1})
        fit.fit(curves, 0, out=path, progress=False)
    return path


@pytest.fixture
def asked(run, tuneful, quick_report):
    """Of the run, once there is an inference."""
    if not (run / "inference.json").exists():
        code, _, err = tuneful("infer", run, "--curves", 240)
        assert code == 0, err
    return "predict", run, "--conditions", "size=8", "--draws", 40, "--curves", 96


def test_without_an_inference_there_are_no_bands(run, refused):
    assert "tuneful infer first" in refused("predict", run)


def test_the_command_says_what_is_predicted_and_how_surely(asked, run, tuneful, refused):
    code, out, err = tuneful(*asked)
    assert code == 0, err
    table = json.loads((run / "predictions.json").read_text())
    rows = {row["name"]: row for row in table["rows"]}
    new = rows["mean rate at size = 8"]
    assert new["low"] < new["value"] < new["high"]
    assert new["low"] < new["truth"] < new["high"]
    assert new["simulation_error"] > 0
    assert new["lost"] == 0
    assert table["new"] == [False, False, False, True]
    assert table["measured"][""][3] is None
    assert table["verdict"] in out
    assert "mean rate at size = 8" in out
    assert table["verdict"] in (run / "predictions.html").read_text()
    with xr.open_dataset(run / "predictions.nc", engine="h5netcdf") as draws:
        assert draws["rate_mean"].dims == ("draw", "label", "condition")
        assert draws["size"].values.tolist() == [1.0, 2.0, 4.0, 8.0]
        assert draws["is_new"].values.tolist() == table["new"]
        assert np.quantile(draws["rate_mean"][:, 0, 3], 0.05) == pytest.approx(new["low"])
    manifest = read_manifest(run)
    assert all(manifest.proves(run / f"predictions.{kind}") for kind in ("json", "nc", "html"))
    assert not (run / "predictions_checkpoints").exists()
    assert tuneful("plot", run, "predictions")[0] == 0
    assert Path("predictions.png").stat().st_size > 0
    assert "no feature 'contrast'" in refused(*asked[:2], "--conditions", "contrast=1")
    assert "the circuit has no cells of that type" in refused(*asked, "--input", "I=1")
    assert "--input I: one number" in refused(*asked, "--input", "I=1,2")


def test_a_design_may_be_for_a_prediction(asked, run, tuneful, refused, toy):
    """Rates a (r + b size): their mean at size 8 is proportional to a, and other large sizes tell most of it."""
    name = "mean rate at size = 8"
    if not (run / "predictions.json").exists():
        assert tuneful(*asked)[0] == 0
    points, values = values_at_draws(RunFolder(run), Fit.load(run, toy, Moments()), name)
    slopes, share = mean_slopes(points, values)
    # of exp(log a), the mean slope over normal draws is its mean; sampled, to the spread of log a over draws
    assert slopes[0] == pytest.approx(values.mean(), rel=4 * points[:, 0].std())
    assert share > 0.9  # spreads of a tenth or so are nearly linear
    design = "design", run, "--candidates", "size=0.1,16", "--curves", 240
    code, out, err = tuneful(*design, "--for", name)
    assert code == 0, err
    table = json.loads((run / "design.json").read_text())
    assert table["linear"] == pytest.approx(share)
    assert [row["name"] for row in table["chosen"]] == ["size = 16"]
    assert table["then"] < table["now"]
    assert f"the standard error of {name} goes from" in out
    assert f"Did you mean '{name}'" in refused(*design, "--for", "mean rate at size 8")


def test_it_goes_on_after_a_kill_with_the_same_numbers(asked, run, tuneful, monkeypatch):
    real, calls = PredictionDescent.step, []

    def step(self, state):
        calls.append(len(state))
        if len(calls) == 12:
            raise Killed
        return real(self, state)

    for name in ("FIRST_SAVE", "SAVE_EVERY", "SAVE_SHARE"):
        monkeypatch.setattr(f"tuneful.runs.checkpoints.{name}", 0.0)
    monkeypatch.setattr(PredictionDescent, "step", step)
    with pytest.raises(Killed):
        tuneful(*asked, "--seed", 1)
    assert tuneful(*asked, "--seed", 1)[0] == 0
    assert calls[12] > 0  # not from the beginning
    resumed = json.loads((run / "predictions.json").read_text())
    calls.clear()
    calls += [0] * 12
    assert tuneful(*asked, "--seed", 1)[0] == 0
    assert calls[12] == 0
    assert json.loads((run / "predictions.json").read_text())["rows"] == resumed["rows"]
