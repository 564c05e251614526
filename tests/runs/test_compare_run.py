"""Comparisons of runs: who predicts better, what is refused, and what a kill leaves."""

import json

import jax
import numpy as np
import pytest

from tuneful import Fit
from tuneful.cli.comparing import comparison_summary
from tuneful.errors import UserError
from tuneful.fitting import FitTask
from tuneful.fitting.simulation import simulate
from tuneful.runs import compare_run
from tuneful.runs.compare_config import CompareConfig, ComparedRun
from tuneful.runs.compare_run import as_compared, execute_comparison
from tuneful.runs.folder import Place, RunFolder
from tuneful.runs.progress import Progress

QUIET = Progress(show=False)
PAGE = "report.html"


@pytest.fixture(scope="module")
def data(toy):
    """60 curves of the toy circuit at a = 3, b = 2, in five sessions, with gaps."""
    curves = simulate(toy.with_values({"a": 3.0, "b": 2.0}), 60, jax.random.key(1))
    curves["rate"].values[::7, 1] = np.nan
    return curves.assign_coords(session=("unit", np.arange(60) // 12))


@pytest.fixture(scope="module")
def runs(toy, data, tiny_settings, tmp_path_factory):
    """Fits of few steps from the truth, and from where the slope is far off: the same programs run both."""
    folder = tmp_path_factory.mktemp("runs")
    settings = tiny_settings | {"max_steps": 2, "evaluate_every": 40}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        for name, b in {"near": 2.0, "far": 0.1}.items():
            start = toy.with_values({"a": 3.0, "b": b})
            Fit(start, **settings).fit(data, 0, out=folder / name, progress=False)
    return [folder / "far", folder / "near"]


def compared(paths, out, resume=False, overwrite=False, **asked):
    read = [as_compared(path) for path in paths]
    asked = {"folds": 3, "steps": 2, "curves": 100} | asked
    config = CompareConfig(runs=tuple(run for _, run in read), **asked)
    return execute_comparison([fit for fit, _ in read], config, Place(RunFolder(out), resume, overwrite), QUIET)


@pytest.fixture(scope="module")
def finished(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("comparison") / "out"
    return out, compared(runs, out, clusters="session")


def test_the_circuit_that_made_the_curves_predicts_them_better(finished):
    out, table = finished
    assert [run["name"] for run in table["runs"]] == ["near", "far"]
    assert table["verdict"].startswith("near predicts held-out curves better than far: difference ")
    assert table["pairs"][0]["told_apart"]
    assert table["clusters"] == {"name": "session", "number": 5}
    assert {len(scores) for scores in table["scores"].values()} == {60}
    assert all(0 < run["simulation_error"] < run["score"] for run in table["runs"])
    assert all(refit["steps"] == 2 for run in table["runs"] for refit in run["refits"])
    assert json.loads((out / "compare.json").read_text())["verdict"] == table["verdict"]
    assert table["verdict"] in (out / PAGE).read_text()
    assert "60 units in 5 clusters (session), cross-fitted in 3 folds" in comparison_summary(table)


def test_no_unit_is_judged_by_a_fit_that_saw_it(runs):
    fit = Fit.load(runs[0])
    aside = fit.dataset_["unit"].values[3:9]
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare_run, "run_course", lambda task, *_, **__: seen.append(task) or pytest.skip.Exception)
        with pytest.raises(AttributeError):
            compare_run._refitted(fit, aside, 6)
    (task,) = seen
    assert sorted(task.held_out.units["unit"].values) == sorted(aside)
    assert task.n_fitted == 54
    assert float(task.problem.circuit.a) == pytest.approx(float(fit.circuit_.a))  # from the answer on


def test_a_killed_comparison_goes_on_with_the_same_bits(finished, runs, tmp_path, monkeypatch):
    """After two of six refits, and half a line of the third."""
    _, whole = finished
    done, real = [], compare_run._of_fold

    def dies(*about):
        if len(done) == 2:
            raise RuntimeError("killed")
        done.append(about)
        return real(*about)

    monkeypatch.setattr(compare_run, "_of_fold", dies)
    with pytest.raises(RuntimeError):
        compared(runs, tmp_path / "out", clusters="session")
    with open(tmp_path / "out" / "metrics.jsonl", "a") as log:
        log.write('{"step": 3, "run"')
    again = []
    monkeypatch.setattr(compare_run, "_of_fold", lambda *about: again.append(about) or real(*about))
    table = compared(runs, tmp_path / "out", resume=True, clusters="session")
    assert len(again) == 4
    assert table["scores"] == whole["scores"]
    with pytest.raises(UserError, match="was started with another seed"):
        compared(runs, tmp_path / "out", resume=True, seed=1)
    with pytest.raises(UserError, match="already holds a run"):
        compared(runs, tmp_path / "out")


def test_without_refits_runs_are_judged_by_the_units_that_all_held_out(runs, tmp_path):
    table = compared(runs, tmp_path / "out", refit=False)
    assert table["units"] == 30
    assert table["folds"] == 0
    assert [run["name"] for run in table["runs"]] == ["near", "far"]
    held_out = Fit.load(runs[0]).task_.held_out.units["unit"].values
    assert sorted(table["scores"]["unit"]) == sorted(held_out)


def begun(circuit, curves, seed=0, held_out=0.5):
    """A run that was never taken a step, at the parameters of its circuit."""
    fit = Fit(circuit, held_out=held_out, max_steps=1)
    fit.task_ = FitTask.of(circuit, fit.objective, curves, fit.settings, seed)
    fit.circuit_ = fit.task_.problem.circuit
    return fit


def config(n=2, **asked):
    return CompareConfig(runs=[ComparedRun(path=f"runs/{i}", name=str(i), sha256="") for i in range(n)], **asked)


@pytest.mark.parametrize(
    ("how", "asked", "sentence"),
    [
        ({"curves": slice(40)}, {}, "runs/0 and runs/1 are not about the same curves"),
        ({"seed": 1}, {"refit": False}, "the runs held out different units"),
        ({}, {"folds": 31}, "60 units are too few for 31 folds"),
    ],
)
def test_what_cannot_be_compared_is_refused(toy, data, how, asked, sentence):
    other = begun(toy, data.isel(unit=how.pop("curves", slice(None))), **how)
    with pytest.raises(UserError, match=sentence):
        compare_run.compared([begun(toy, data), other], config(**asked))


def test_clusters_are_a_property_of_units(toy, data):
    asked = compare_run.compared([begun(toy, data)] * 2, config())
    assert asked.clusters("session").tolist() == data["session"].values.tolist()
    with pytest.raises(UserError, match="no such property, but session"):
        asked.clusters("animal")


def test_labels_are_compared_with_the_cells_of_their_label(kinds):
    """Of cells of two types, one of which a circuit has at four times its rates."""
    curves = simulate(kinds.example(), 80, jax.random.key(2), cells=kinds.populations())
    fits = [begun(kinds.with_values({"a": 2.0, "b": b}), curves) for b in (6.0, 24.0)]
    asked = compare_run.compared(fits, config(curves=100))
    scores = [compare_run._scores(asked, config(curves=100), 0, 0, fit.circuit_).by_unit for fit in fits]
    apart, is_i = scores[1] - scores[0], curves["cell_type"].values == "I"
    np.testing.assert_allclose(apart[~is_i], 0, atol=1e-6)  # the same random numbers
    assert apart[is_i].mean() > 2 * apart[is_i].std() / np.sqrt(is_i.sum())


def test_the_command_compares_and_writes_its_page_again(runs, tmp_path, tuneful, refused):
    code, out, err = tuneful(
        "compare", *runs, "--no-refit", "--curves", 100, "--out", tmp_path / "c", "--clusters", "session"
    )
    assert code == 0, err
    assert "near predicts held-out curves better than far" in out
    (tmp_path / "c" / PAGE).unlink()
    assert tuneful("report", tmp_path / "c")[0] == 0
    assert "near predicts" in (tmp_path / "c" / PAGE).read_text()
    assert "needs two runs" in refused("compare", runs[0])
    assert "is not the folder of a fit" in refused("compare", tmp_path / "c", runs[0])
