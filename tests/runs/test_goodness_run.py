"""Tests of fitted circuits, in the folders of their runs."""

import json
import shutil

import jax
import numpy as np
import pytest

from tuneful import Fit
from tuneful.fitting import FitTask
from tuneful.fitting.simulation import simulate
from tuneful.runs.fit_run import write_findings
from tuneful.runs.folder import RunFolder
from tuneful.runs.goodness_run import hypothesis_of


@pytest.fixture(scope="module")
def run(toy, tiny_settings, tmp_path_factory):
    """A fit of two steps from the truth, of 40 units, every fifth of which was not measured everywhere."""
    curves = simulate(toy.with_values({"a": 3.0, "b": 2.0}), 40, jax.random.key(1))
    curves["rate"].values[::5, 1] = np.nan
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        Fit(toy.with_values({"a": 3.0, "b": 2.0}), **tiny_settings | {"max_steps": 2}).fit(
            curves, 0, out=path, progress=False
        )
    return path


def test_the_command_says_whether_the_circuit_could_have_made_the_units(run, tuneful):
    code, out, err = tuneful("goodness", run, "--sets", 19, "--curves", 48)
    assert code == 0, err
    table = json.loads((run / "goodness.json").read_text())
    assert table["verdict"].startswith("The circuit could have produced these neurons (p = ")
    assert table["verdict"] in out
    assert table["units"] == 40
    assert {row["name"] for row in table["parts"]} > {"rate at size = 1", "rate at size = 4", "max_rate"}
    assert table["fitted"] == {name: row["value"] for name, row in Fit.load(run).result_["parameters"].items()}
    assert table["verdict"] in (run / "goodness.html").read_text()
    assert tuneful("goodness", run, "--sets", 19, "--curves", 48)[0] == 0  # its own files, which it may replace
    assert json.loads((run / "goodness.json").read_text()) == table


def test_what_is_of_another_answer_goes_when_the_run_gets_a_new_one(run, tmp_path, quick_report):
    shutil.copytree(run, tmp_path / "run")
    fit, folder = Fit.load(run), RunFolder(tmp_path / "run")
    found = fit.task_, fit._history, fit.findings_
    write_findings(folder, *found, fit.result_)
    assert folder.has("goodness.json")
    moved = fit.result_["parameters"]["a"] | {"value": 5.0}
    write_findings(folder, *found, fit.result_ | {"parameters": fit.result_["parameters"] | {"a": moved}})
    assert not folder.has("goodness.json")
    assert not folder.has("goodness.html")


def test_files_of_others_are_left_alone(run, refused):
    (run / "goodness.html").write_text("mine")
    assert "goodness.html was changed since tuneful wrote it" in refused(
        "goodness", run, "--sets", 19, "--curves", 48
    )
    assert (run / "goodness.html").read_text() == "mine"
    (run / "goodness.html").unlink()


def test_only_folders_of_fits_are_tested(tmp_path, refused):
    assert "config.json" in refused("goodness", tmp_path)


def test_labels_of_units_are_those_of_their_names(kinds):
    """Held-out units are fewer, and in their own order."""
    curves = simulate(kinds.example(), 20, jax.random.key(2), cells=kinds.populations())
    curves = curves.isel(unit=np.random.default_rng(0).permutation(20))
    fit = Fit(kinds, max_steps=1)
    fit.task_ = FitTask.of(kinds, fit.objective, curves, fit.settings, 0)
    fit.circuit_ = fit.task_.problem.circuit
    for held_out, n in ((True, 10), (False, 20)):
        found = hypothesis_of(fit, held_out)
        units = fit.task_.held_out.units if held_out else fit.task_.held_out.whole
        assert [found.label_names[i] for i in found.labels] == units["cell_type"].values.tolist()
        assert found.rates.shape == (n, 3)
