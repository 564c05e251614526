"""One entry for every job."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tuneful
from tuneful.errors import UserError
from tuneful.runs.configuration import DataSettings, RunConfig
from tuneful.runs.progress import Progress
from tuneful.runs.running import as_config, run
from tuneful.runs.stabilize_config import StabilizeConfig

SMALL = StabilizeConfig(n=40, radius=4.0, target=0.5)


@pytest.fixture
def config(tiny_settings):
    return RunConfig(circuit={"name": "m1", "grid": 5, "density": 0.1}, data={"simulate": 20}, fit=tiny_settings)


def test_a_fit_is_run_from_its_configuration(config, quick_report, tmp_path, capsys):
    fit = run(config, tmp_path / "a")
    assert fit.result_["steps"] == 6
    assert tuneful.Fit.load(tmp_path / "a").params_ == fit.params_
    assert capsys.readouterr() == ("", "")


def test_a_configuration_file_is_one_too(config, quick_report, tmp_path):
    first = run(config, tmp_path / "a")
    again = run(tmp_path / "a" / "config.json", tmp_path / "b")
    assert again.params_ == first.params_
    assert again.result_["command"] == f"tuneful fit {tmp_path / 'b' / 'config.json'} --out NEW_FOLDER"


def test_precision_is_that_of_the_configuration_and_of_nobody_else(config, quick_report, tmp_path):
    fit = run(config.model_copy(update={"precision": "float64"}), tmp_path / "a")
    assert fit.circuit_.J.dtype == jnp.float64
    assert jnp.ones(1).dtype == jnp.float32
    assert not jax.config.jax_enable_x64
    assert json.loads((tmp_path / "a" / "config.json").read_text())["precision"] == "float64"


def test_a_stabilised_circuit_is_run_too(tmp_path, capsys):
    done = run(SMALL, tmp_path / "soc")
    assert done.circuit.outcome.is_success
    assert done.table["command"] == "tuneful stabilize --n 40 --radius 4.0 --target 0.5"
    again = run(tmp_path / "soc" / "config.json", tmp_path / "again")
    np.testing.assert_array_equal(again.circuit.weights, done.circuit.weights)
    assert capsys.readouterr() == ("", "")


def test_what_is_no_configuration_is_refused():
    with pytest.raises(UserError, match="kind = 'other' is not one of fit, stabilized circuit"):
        as_config({"kind": "other"}, "a.toml")


def test_what_was_decided_in_reading_is_said(config, quick_report, tiny_data, tmp_path, capsys):
    tuneful.save(tiny_data.assign_attrs(notes=["Column 'k' was left out."]), tmp_path / "a.nc")
    data = {"path": str(tmp_path / "a.nc")}
    settings = config.fit.model_copy(update={"max_steps": 1})
    asked = config.model_copy(update={"data": DataSettings(**data), "fit": settings})
    run(asked, tmp_path / "a", progress=Progress(show=True))
    assert capsys.readouterr().err.count("note: Column 'k' was left out.") == 1
