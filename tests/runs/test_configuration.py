"""What decides the result of a fit, in a file."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tuneful import Fit
from tuneful.circuits import FeedforwardM1, Observation, observed
from tuneful.errors import UserError
from tuneful.fitting.simulation import simulate
from tuneful.objectives import RatePenalty, WassersteinGAN
from tuneful.registry import settings_of
from tuneful.runs.configuration import FORMAT, RunConfig, read_config, upgraded
from tuneful.runs.presets import resolve

ROOT = Path(__file__).parents[2]
CONFIG = RunConfig(circuit={"name": "m1", "grid": 5}, objective="wgan-gp", seed=3)


def completed(config):
    return config.completed(FeedforwardM1(grid=5), WassersteinGAN(), [RatePenalty()])


def test_a_complete_configuration_leaves_nothing_to_defaults(tmp_path):
    """Written and read, it is the same, and so is what it builds."""
    complete = completed(CONFIG)
    (tmp_path / "config.json").write_text(json.dumps(complete.written()))
    again = RunConfig.model_validate(read_config(tmp_path / "config.json"))
    assert again.written() == complete.written()
    assert (again.fit.batch, again.fit.learning_rate) == (30, 0.001)
    circuit, objective, penalties = again.components()
    assert circuit.grid == 5
    assert objective == WassersteinGAN()
    assert penalties == [RatePenalty()]
    assert again.completed(circuit, objective, penalties).written() == complete.written()


def test_what_may_differ_when_a_run_is_gone_on_with():
    complete = completed(CONFIG)
    fit = complete.fit.model_copy(update={"max_steps": 7, "final_curves": 9, "predict": {"x": [1.0]}})
    assert complete.model_copy(update={"fit": fit, "versions": {"jax": "1"}}).changes(complete) == []
    fit = complete.fit.model_copy(update={"window": 7})
    assert complete.model_copy(update={"fit": fit, "seed": 4}).changes(complete) == ["fit.window", "seed"]


def test_a_run_keeps_its_sample_and_is_not_drawn_again(tmp_path):
    data = {"path": "a.csv", "options": {"drop": "size=0"}, "resample": {"number": 3}, "sha256": "0"}
    (tmp_path / "config.json").write_text(json.dumps({"circuit": "m1", "data": data}))
    assert read_config(tmp_path / "config.json")["data"] == data
    (tmp_path / "data.nc").touch()
    kept = {"path": str(tmp_path / "data.nc"), "options": {}, "resample": None, "sha256": "0"}
    assert read_config(tmp_path / "config.json")["data"] == kept


def test_the_configuration_of_an_earlier_format_is_read():
    old = {
        "circuit": {"name": "m1", "cells": 2}, "objective": {"name": "energy", "batch": 8, "ridge": 0.2},
        "penalties": [{"name": "rate", "limit": 9.0}], "data": "curves.csv", "fit": {"max_steps": 3}, "seed": 1,
        "precision": "float32", "versions": {"tuneful": "0.1.0"},
    }  # fmt: skip
    config = RunConfig.model_validate(upgraded(old, "config.json"))
    assert config.components()[0].n_cells == 2
    assert (config.fit.batch, config.objective) == (8, {"name": "energy", "ridge": 0.2})
    assert config.penalties == {"rate": {"limit": 9.0}}
    assert (config.data.path, config.data.name) == ("data.nc", "curves.csv")


EARLIER = sorted(Path(__file__).with_name("earlier_formats").glob("*.json"))


@pytest.mark.parametrize("path", EARLIER, ids=lambda p: p.stem)
def test_what_earlier_versions_wrote_runs_and_comes_out_in_the_format_of_today(path, tuneful, quick_report):
    """Configurations as `tuneful fit m1 --data curves.csv` left them in run folders of these versions."""
    shutil.copy(ROOT / "examples" / "tables" / "curves.csv", "curves.csv")
    old = json.loads(path.read_text())
    code, _, err = tuneful("fit", path, "--data", "curves.csv", "--out", "again", "--set", "max_steps=1")
    assert code == 0, err
    new = json.loads(Path("again/config.json").read_text())
    assert new["format"] == FORMAT
    fits = {**old["objective"], **old["fit"]}  # how steps are taken was in either
    assert (new["seed"], new["fit"]["batch"], new["fit"]["window"]) == (old["seed"], fits["batch"], fits["window"])
    kept = ("grid", "density", "sigma_l", "noise", "stimuli")
    assert {name: new["circuit"][name] for name in kept} == {name: old["circuit"][name] for name in kept}
    assert new["objective"]["ridge"] == old["objective"]["ridge"]


def test_one_of_a_later_format_is_refused():
    with pytest.raises(UserError, match="written by a later version of tuneful"):
        upgraded({"format": 99}, "config.json")


@pytest.mark.parametrize("text", ["[1, 2]", "3", '"a"', "{"])
def test_json_that_is_no_configuration(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"a\.json (is not valid JSON|holds no settings)"):
        read_config(tmp_path / "a.json")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="There is no configuration file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(UserError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes("# é".encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.toml is not UTF-8 .*: save it as such"):
        read_config(tmp_path / "latin.toml")


VALUES = [
    0, -1, 3, 10**30, 16**5000, 0.5, -2.5, float("nan"), float("inf"), 1e300, True, False, "", "m1", "energy",
    "x" * 10_000, "\x1b[2J\n", [], [1], ["m1"], [[1.0], [2.0, 3.0]], {}, {"name": "m1"}, {"name": [1]}, {"name": {}},
    [{"name": "rate"}], [{"name": [1]}], [3], {"rate": {"limit": "x"}}, {"rate": 3}, {"unknown": {}}, {"path": [1]},
]  # fmt: skip
KEYS = [
    "circuit",
    "objective",
    "penalties",
    "data",
    "fit",
    "seed",
    "precision",
    "format",
    "kind",
    "versions",
    "alternatives",
    "unknown",
    "circuit.name",
    "circuit.grid",
    "circuit.J",
    "circuit.density",
    "objective.name",
    "objective.ridge",
    "data.path",
    "data.simulate",
    "data.truth",
    "data.options",
    "data.sha256",
    "fit.batch",
    "fit.learning_rate",
    "fit.fitted",
    "fit.predict",
    "fit.held_out",
    "fit.clip",
    "penalties.rate",
    "penalties.rate.limit",
    "unknown.unknown",
]
TOML = [
    "circuit = " + "[" * 5000 + "]" * 5000, "circuit = " + "{a = " * 300 + "1" + "}" * 300, "seed = " + "9" * 5000,
    'circuit = "m1"\nseed = 0x' + "f" * 5000, 'circuit = "m1"\nfit.' + "a." * 300 + "b = 1", "\x00",
    'circuit = "m1"\nseed = 1979-05-27', 'circuit = "m1"\ncircuit = "ssn"', "seed = 1979-05-27",
    'circuit = {name = "m1"}\n[circuit]\nJ = 1',
]  # fmt: skip


def changed(settings, path, value):
    key, *rest = path
    inner = settings.get(key)
    return settings | {key: changed(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}


def is_usable(model, overrides=()):
    """Whether it can be built; a refusal is one short sentence."""
    try:
        resolve(model, {}, overrides).components()
    except UserError as error:
        return len(str(error)) > 1500
    return True


@pytest.mark.parametrize("path", KEYS)
def test_no_configuration_ends_in_a_traceback(tmp_path, path):
    """Whatever a file says, as JSON or on the command line: it can be used or is refused in a sentence."""
    base = {
        "circuit": {"name": "m1", "grid": 5},
        "objective": {"name": "energy"},
        "data": {"simulate": 20},
        "fit": {},
    }
    sys.set_int_max_str_digits(0)
    texts = [json.dumps(value) for value in VALUES]
    files = [json.dumps(changed(base, path.split("."), value)) for value in VALUES]
    sys.set_int_max_str_digits(4300)
    for text in files:
        (tmp_path / "a.json").write_text(text)
        is_usable(str(tmp_path / "a.json"))
    for text in texts:
        is_usable("m1", [f"{path}={text}"])


@pytest.mark.parametrize("text", TOML, ids=range(len(TOML)))
def test_no_toml_ends_in_a_traceback(tmp_path, text):
    (tmp_path / "a.toml").write_text(text)
    assert not is_usable(str(tmp_path / "a.toml"))


def test_no_layer_is_the_default_and_leaves_the_circuit_alone(tiny):
    config = resolve(str(tiny), {}, [])
    assert config.observation is None
    assert isinstance(config.components()[0], FeedforwardM1)


def test_a_layer_is_asked_for_by_its_section(tiny):
    config = resolve(str(tiny), {}, ["observation.gain=0.5", "observation.noise=1", "noise=0.3"])
    circuit, objective, penalties = config.components()
    assert float(circuit.layer.gain) == 0.5
    assert float(circuit.circuit.noise) == pytest.approx(0.3)  # the circuit's own stays what it was
    again = RunConfig(**config.completed(circuit, objective, penalties).written())
    assert settings_of(again.components()[0].layer) == settings_of(circuit.layer)
    assert again.circuit["noise"] == pytest.approx(0.3)


def test_settings_of_a_layer_are_checked(tiny):
    with pytest.raises(UserError, match=r"has no setting 'gian'.* 'gain'"):
        resolve(str(tiny), {}, ["observation.gian=1"]).components()
    with pytest.raises(UserError, match=r"does not go with the circuit: observation\.gain must be one number"):
        resolve(str(tiny), {}, ["observation.gain=[1, 2]"]).components()


def test_a_fit_through_a_layer_comes_back_from_its_folder(tmp_path, tiny_circuit, tiny_settings, quick_report):
    """Events of the truth; the gain takes the unit of the data."""
    layer = Observation(gain=0.5, noise=1.0, trials=5.0, unit="events")
    data = simulate(observed(tiny_circuit, layer), 20, 1)
    start = observed(tiny_circuit, Observation(gain=1.0, noise=1.0, trials=5.0))
    fit = Fit(start, **tiny_settings).fit(data, seed=0, out=tmp_path / "run", progress=False)
    row = fit.result_["parameters"]["observation.gain"]
    assert (row["initial"], row["truth"], row["fitted"]) == (1.0, 0.5, True)
    assert row["value"] != 1.0
    loaded = Fit.load(tmp_path / "run")
    assert loaded.params_ == fit.params_
    np.testing.assert_array_equal(loaded.sample(5, 0)["rate"], fit.sample(5, 0)["rate"])
    assert loaded.sample(5, 0)["rate"].attrs["units"] == "events"


def test_curves_in_another_unit_are_refused_without_a_gain(tiny_circuit, tiny_settings):
    data = simulate(observed(tiny_circuit, Observation(gain=0.5)), 20, 1)
    with pytest.raises(UserError, match=r"The curves are in a\.u\., and those of FeedforwardM1 in Hz: fit a gain"):
        Fit(tiny_circuit, **tiny_settings).fit(data, seed=0, progress=False)
