"""The Python API of a fit."""

import copy
import dataclasses
import json
import shutil
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful import Fit
from tuneful.circuits import FeedforwardM1
from tuneful.curves import DatasetError, features, make_dataset, split
from tuneful.errors import NotFittedError, TunefulWarning, UserError
from tuneful.fitting.simulation import simulate
from tuneful.fitting.unconstrained import parameter_values
from tuneful.objectives import EnergyDistance, RatePenalty, WassersteinGAN

GAN = WassersteinGAN(hidden=(8,), n_critic=2, whiten=True)
NAMES = ["sigma_l", "dsigma", "J", "phi_l", "dphi"]


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_circuit, tiny_objective, tiny_settings, tiny_data):
    """One fit with its folder, report included; only to be read."""
    folder = tmp_path_factory.mktemp("fit") / "run"
    fit = Fit(tiny_circuit, tiny_objective, **tiny_settings)
    return fit.fit(tiny_data, seed=0, out=folder, progress=False), folder


@pytest.fixture
def again(tiny_circuit, tiny_objective, tiny_settings, tiny_data):
    """Fit again, with some things changed."""

    def fit(data=tiny_data, seed=0, circuit=tiny_circuit, **changed):
        return Fit(circuit, tiny_objective, **(tiny_settings | changed)).fit(data, seed, progress=False)

    return fit


@pytest.fixture
def run_toy(toy, tiny_objective, tiny_settings, toy_data):
    """Fit a circuit that compiles in no time."""

    def fit(rates=None, circuit=toy, objective=tiny_objective, **changed):
        data = toy_data
        if rates is not None:
            data = make_dataset(rates, {"size": toy.sizes[: np.shape(rates)[1]]})
        return Fit(circuit, objective, **(tiny_settings | changed)).fit(data, 0, progress=False)

    return fit


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def is_sound(fit):
    json.dumps(fit.result_, allow_nan=False)
    return all(line["finite"] for line in fit.history_) and all(np.isfinite(v) for v in fit.params_.values())


def test_what_a_fit_holds(run, tiny_data):
    fit, _ = run
    assert sorted(fit.params_) == sorted(NAMES)
    assert all(np.isfinite(value) for value in fit.params_.values())
    assert [line["step"] for line in fit.history_] == [1, 2, 3, 4, 5, 6]
    assert all(set(line["parameters"]) == set(NAMES) for line in fit.history_)
    assert [line["step"] for line in fit.evaluations_] == [3, 6]
    assert set(fit.evaluations_[0]["statistics"]) == {"r2", "complexity", "rate", "coding_level"}
    assert fit.dataset_["held_out"].values.sum() == 10
    assert np.array_equal(fit.dataset_["rate"], tiny_data["rate"])


def test_estimate_is_the_mean_over_the_last_window(run):
    """Half of a path that is shorter than two windows; on the logarithmic side for positive parameters."""
    fit, _ = run
    last = [np.log(line["parameters"]["J"]) for line in fit.history_[3:]]
    assert fit.params_["J"] == pytest.approx(np.exp(np.mean(last)), rel=1e-6)


def test_samples_are_datasets_in_the_conditions_of_the_data(run, tiny_data):
    fit, _ = run
    drawn = fit.sample(20, seed=3)
    assert drawn["rate"].shape == (20, 27)
    assert all(np.array_equal(values, features(tiny_data)[name]) for name, values in features(drawn).items())
    assert np.array_equal(drawn["rate"], fit.sample(20, seed=3)["rate"])
    assert not np.array_equal(drawn["rate"], fit.sample(20, seed=4)["rate"])


def test_score_is_that_of_the_fitted_circuit(run):
    """Held-out units score as in the result; curves of the fitted circuit itself score as the same distribution."""
    fit, _ = run
    _, test = split(fit.dataset_, 0.5, 0)
    assert np.array_equal(test["unit"], fit.dataset_["unit"][fit.dataset_["held_out"].values])
    scored = fit.score(test.drop_vars("held_out"))
    assert {name: c.ks for name, c in scored.items()} == {n: r["ks"] for n, r in fit.result_["statistics"].items()}
    moved = fit.circuit_.with_values({"phi_l": jnp.asarray(40.0)})
    fit_elsewhere = Fit.load(run[1])
    fit_elsewhere.circuit_ = moved
    assert fit_elsewhere.score(test)["rate"].ks != scored["rate"].ks


def test_score_refuses_other_features(run):
    with pytest.raises(UserError, match="hand positions"):
        run[0].score(make_dataset([[1.0, 2.0], [2.0, 1.0]], {"size": [0.5, 4]}))


def test_load_gives_the_same_fit(run):
    fit, folder = run
    loaded = Fit.load(folder)
    assert same(loaded.params_, fit.params_)
    assert loaded.result_ == json.loads(json.dumps(fit.result_))
    assert loaded.history_ == fit.history_
    assert loaded.evaluations_ == fit.evaluations_
    assert loaded.dataset_.equals(fit.dataset_)
    assert loaded.score(fit.dataset_) == fit.score(fit.dataset_)
    assert np.array_equal(loaded.sample(20, 0)["rate"], fit.sample(20, 0)["rate"])
    assert loaded.settings == fit.settings.for_objective("energy")


def test_save_writes_the_files_that_out_writes(quick_report, run, tmp_path):
    fit, folder = run
    fit.save(tmp_path / "saved")
    written = {path.name for path in folder.iterdir()}
    assert written == {
        "config.json", "data.nc", "start.nc", "metrics.jsonl", "checkpoints", "result.json", "result.nc",
        "report.html", ".tuneful.json",
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "saved").iterdir()} == written - {"checkpoints"}
    for name in ("config.json", "metrics.jsonl", "result.json"):
        assert (tmp_path / "saved" / name).read_text() == (folder / name).read_text()
    assert same(Fit.load(tmp_path / "saved").params_, fit.params_)


def test_save_does_not_replace_a_run_unasked(quick_report, run, tmp_path):
    fit, _ = run
    fit.save(tmp_path)
    with pytest.raises(UserError, match="already holds a run"):
        fit.save(tmp_path)
    fit.save(tmp_path, overwrite=True)


def test_report_is_written_where_asked(run, tmp_path):
    run[0].report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "σ" in page


def test_result_holds_what_is_promised(run):
    _, folder = run
    result = json.loads((folder / "result.json").read_text())
    for row in result["statistics"].values():
        assert {"ks", "line", "floor", "n_data", "n_model"} <= set(row)
    for row in result["parameters"].values():
        assert {"value", "unit", "initial"} <= set(row)
    assert {"rejected_fraction", "steps", "wall_seconds", "stopped", "seed", "versions"} <= set(result)
    truth = {name: row["truth"] for name, row in result["parameters"].items()}
    assert truth.items() <= parameter_values(FeedforwardM1.example()).items()  # the data say how they were made


def test_same_seed_same_result(run, again):
    assert same(again().params_, run[0].params_)


def test_another_seed_another_result(run, again):
    other = again(seed=1)
    assert not same(other.params_, run[0].params_)
    assert not np.array_equal(other.dataset_["held_out"], run[0].dataset_["held_out"])


def test_held_out_units_are_never_looked_at(run, again, tiny_data):
    fit, _ = run
    rates = tiny_data["rate"].values.copy()
    rates[fit.dataset_["held_out"].values] += 1000.0
    changed = again(tiny_data.copy().assign(rate=(("unit", "condition"), rates)))
    assert [line["loss"] for line in changed.history_] == [line["loss"] for line in fit.history_]
    assert same(changed.params_, fit.params_)
    assert changed.evaluations_ != fit.evaluations_


def test_parameters_that_are_not_fitted_stay(run_toy, toy):
    fit = run_toy(fitted=("a",))
    assert fit.params_["b"] == toy.b
    assert fit.params_["a"] != toy.a
    assert {name: row["fitted"] for name, row in fit.result_["parameters"].items()} == {"a": True, "b": False}


def test_order_of_units_and_conditions_is_that_of_the_data(run_toy, toy, toy_data, tiny_objective, tiny_settings):
    shuffled = toy_data.isel(unit=slice(None, None, -1), condition=[2, 0, 1])
    fit = Fit(toy, tiny_objective, **tiny_settings).fit(shuffled, 0, progress=False)
    assert fit.dataset_.drop_vars("held_out").equals(shuffled)
    drawn = fit.sample(20, seed=0)
    assert drawn["size"].values.tolist() == [4.0, 1.0, 2.0]
    assert drawn["rate"].mean("unit").values.argmax() == 0


def test_several_cells_per_realisation(run_toy, toy):
    fit = run_toy(circuit=dataclasses.replace(toy, cells=4))
    assert is_sound(fit)
    assert fit.sample(20, 0).sizes["unit"] == 20


def test_wgan_gp_runs(run_toy):
    fit = run_toy(objective=GAN)
    assert is_sound(fit)
    assert fit.result_["objective"] == "wgan-gp"


def test_nothing_finite_ends_the_fit_in_one_sentence(again, tiny_circuit, capsys):
    """Receptive fields so narrow that all of them underflow: 0/0 in every rate."""
    nowhere = tiny_circuit.with_values({"sigma_l": 1e-6, "dsigma": 1e-6})
    with pytest.raises(UserError) as error:
        again(circuit=nowhere, max_steps=30)
    assert str(error.value).count("\n") == 0
    assert "None of 20 realisations of FeedforwardM1 settled on finite rates at sigma_l = " in str(error.value)


def test_nothing_finite_says_why_it_stopped(tiny_circuit, tiny_objective, tiny_settings, tiny_data, capsys):
    nowhere = tiny_circuit.with_values({"sigma_l": 1e-6, "dsigma": 1e-6})
    fit = Fit(nowhere, tiny_objective, **(tiny_settings | {"max_steps": 30}))
    with pytest.raises(UserError):
        fit.fit(tiny_data, seed=0)
    assert "stopped: 20 steps in a row could not be taken" in capsys.readouterr().err
    assert len(fit.history_) == 20


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_data_without_any_difference_are_refused(run_toy, level):
    """Nothing to whiten with, and nothing to learn a distribution from."""
    with pytest.raises(UserError, match=f"all have the same curve .at most {level:g} Hz"):
        run_toy(np.full((20, 3), level))


def test_constant_curves_are_fitted(run_toy):
    assert is_sound(run_toy(np.repeat(np.linspace(1, 20, 20)[:, None], 3, axis=1)))


@pytest.mark.parametrize("objective", [EnergyDistance(), GAN], ids=["energy", "wgan-gp"])
def test_mostly_silent_data_are_fitted(run_toy, objective):
    """A single unit that fires at times: whitening magnifies, and must not overflow."""
    rates = np.zeros((20, 3))
    rates[:, 0] = np.where(np.arange(20) % 4 == 0, 1e-3, 0)
    assert is_sound(run_toy(rates, objective=objective))


def test_one_condition(run_toy, toy_data):
    fit = run_toy(toy_data["rate"].values[:, :1])
    assert is_sound(fit)
    assert fit.result_["statistics"]["suppression_index"]["ks"] is not None


@pytest.mark.parametrize("units", [1, 2, 3])
def test_too_few_units(run_toy, toy_data, units):
    with pytest.raises(DatasetError, match=f"of {units} units does not leave 2 on either side"):
        run_toy(toy_data["rate"].values[:units])


def test_four_units_with_gaps_are_enough(run_toy, toy_data):
    rates = toy_data["rate"].values[:4].copy()
    rates[::2, 1] = np.nan
    assert is_sound(run_toy(rates))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_step": 3}, "unknown setting 'max_step'. Did you mean 'max_steps'"),
        ({"held_out": 1.5}, "held_out = 1.5 is not valid"),
        ({"max_steps": "many"}, "max_steps = 'many' is not valid"),
    ],
)
def test_settings_are_checked_at_once(settings, message):
    with pytest.raises(UserError, match=message):
        Fit(FeedforwardM1(), EnergyDistance(), **settings)


@pytest.mark.parametrize(
    ("change", "fitted", "message"),
    [
        ({}, ("K",), "no parameter 'K'"),
        ({"J": -1.0}, None, "J = -1.0 is beyond its range"),
        ({"phi_l": float("nan")}, None, "phi_l = nan is beyond its range"),
    ],
)
def test_start_is_checked(again, tiny_circuit, change, fitted, message):
    with pytest.raises(UserError, match=message):
        again(circuit=tiny_circuit.with_values(change), fitted=fitted)


@pytest.mark.parametrize(
    "given",
    [
        lambda data: data["rate"],
        lambda data: data["rate"].to_dataframe()[["size", "rate"]].reset_index("condition", drop=True),
    ],
    ids=["DataArray", "DataFrame"],
)
def test_whatever_holds_curves_is_fitted_and_scored(run_toy, toy, toy_data, tiny_settings, given, monkeypatch):
    fit = run_toy()
    tasks = []
    monkeypatch.setattr(Fit, "execute", lambda self, dataset, *others: tasks.append(dataset))
    monkeypatch.setattr(Fit, "result_", {"warnings": []}, raising=False)
    Fit(toy, **tiny_settings).fit(given(toy_data), 0, progress=False)
    assert np.array_equal(tasks[0]["rate"], toy_data["rate"])
    assert np.array_equal(tasks[0]["size"], toy_data["size"])
    assert fit.score(given(toy_data)) == fit.score(toy_data)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "cannot be loaded from a NoneType"),
        ({"rate": [1.0]}, "cannot be loaded from a dict"),
        (np.ones((4, 3)), "Toy needs the feature 'size', and the data have none at all"),
        ("nowhere.csv", r"There is no file or folder 'nowhere\.csv'"),
    ],
)
def test_what_holds_no_curves_is_refused(toy, given, message):
    with pytest.raises(UserError, match=message):
        Fit(toy).fit(given, 0, progress=False)


NAMES_OF_RESULTS = (
    "params_", "circuit_", "result_", "history_", "evaluations_", "prediction_", "dataset_", "task_", "findings_",
)  # fmt: skip


def test_what_a_fit_brings_is_not_there_before(toy, toy_data, tmp_path):
    fit = Fit(toy)
    for name in NAMES_OF_RESULTS:
        assert not hasattr(fit, name)
        with pytest.raises(NotFittedError, match=f"There is no {name} yet: call fit"):
            getattr(fit, name)
    for act in (lambda: fit.sample(3, 0), lambda: fit.score(toy_data), lambda: fit.save(tmp_path / "run")):
        with pytest.raises(NotFittedError):
            act()
    assert not list(tmp_path.iterdir())
    with pytest.raises(AttributeError, match="no attribute 'parms_'") as error:
        _ = fit.parms_
    assert not isinstance(error.value, NotFittedError)


def test_a_fit_shows_itself(toy, run):
    unfitted = Fit(toy)
    assert repr(unfitted) == "<Fit of Toy by energy: not fitted>"
    assert unfitted._repr_html_() == "<div><strong>Fit of Toy by energy</strong>: not fitted</div>"
    fit, _ = run
    assert repr(fit).startswith("<Fit of FeedforwardM1 by energy: reached the maximum of 6 steps (6 steps), KS r2=")
    assert "<th>parameter</th>" in fit._repr_html_()
    assert all(
        len(repr(getattr(fit, name))) < 400
        for name in NAMES_OF_RESULTS
        if name not in ("result_", "dataset_", "params_")
    )


def cloned(estimator):
    """What scikit-learn's `clone` does: parts are copied and handed over, and must come back as they were given."""
    parts = {name: copy.deepcopy(value) for name, value in estimator.get_params(deep=False).items()}
    other = type(estimator)(**parts)
    given = other.get_params(deep=False)
    assert all(given[name] is value for name, value in parts.items())
    return other


def test_a_fit_can_be_cloned(toy):
    fit = Fit(toy, penalties=[RatePenalty(weight=2.0)], match={"area": "ignore"}, batch=16, tolerance=0.125)
    other = cloned(cloned(fit))
    assert other.settings == fit.settings
    assert (other.match, other.objective.label, len(other.penalties)) == (fit.match, fit.objective.label, 1)
    assert parameter_values(other.circuit) == parameter_values(fit.circuit)
    assert "not fitted" in repr(other)


def test_parts_and_settings_are_changed_by_name(toy):
    fit = Fit(toy, batch=16)
    assert fit.set_params(batch=32, objective="mmd") is fit
    assert (fit.settings.batch, fit.get_params()["batch"], fit.objective.label) == (32, 32, "mmd")
    for wrong in ({"bach": 8}, {"batch": 64, "tolerance": -1.0}):
        with pytest.raises(UserError):
            fit.set_params(**wrong)
    assert fit.settings.batch == 32


def test_hostile_names_are_shown_and_not_executed(toy):
    bad = "<script>$x$</script>"
    fit = Fit(toy)
    row = {"ks_start": 0.5, "ks": 0.25, "line": 0.1, "floor": None}
    value = {"initial": 1.0, "value": 2.0, "truth": None, "unit": bad}
    fit.result_ = {
        "stopped": bad, "steps": 3, "wall_seconds": 1.0, "statistics": {bad: row}, "parameters": {bad: value},
        "warnings": [],
    }  # fmt: skip
    shown = fit._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "0.25" in shown
    assert "0.250" in fit.summary()


@pytest.mark.parametrize("penalties", [RatePenalty(), "rate", ["rate"], 3])
def test_penalties_are_a_list(penalties):
    with pytest.raises(UserError, match=r"penalties must be a list such as \[RatePenalty\(\)\]"):
        Fit("m1", None, penalties)


def test_circuits_of_ones_own(quick_report, run_toy, toy, toy_data, tmp_path, monkeypatch):
    """A class that no name leads to: fitted and saved by itself, loaded when it is given again."""
    fit = run_toy()
    fit.save(tmp_path)
    monkeypatch.delattr(sys.modules[type(toy).__module__], type(toy).__name__)
    with pytest.raises(UserError, match=r"'toy' is not installed.* or give circuit=Toy\(\)"):
        Fit.load(tmp_path)
    loaded = Fit.load(tmp_path, circuit=toy)
    assert loaded.params_ == fit.params_
    assert loaded.score(toy_data) == fit.score(toy_data)


def test_what_nobody_may_miss_is_a_warning_where_nothing_is_printed(run_toy, capsys):
    with pytest.warns(TunefulWarning) as warned:
        fit = run_toy()
    assert [str(w.message) for w in warned] == fit.result_["warnings"]
    assert "had not converged" in fit.result_["warnings"][-1]
    assert not capsys.readouterr().err


@pytest.fixture(scope="module")
def labelled(kinds, tmp_path_factory, tiny_settings):
    """A fit to cells of two types that are called otherwise, with its folder; only to be read."""
    data = simulate(kinds.example(), 41, 1)
    names = {"E": "PC", "I": "PV"}
    types = ["VIP", *(names[kind] for kind in data["cell_type"].values[1:])]
    data = data.assign_coords(cell_type=("unit", types))
    folder = tmp_path_factory.mktemp("labelled") / "run"
    fit = Fit(kinds, match={"cell_type": {"PC": "E", "PV": "I"}}, **(tiny_settings | {"predict": {"size": [3.0]}}))
    return fit.fit(data, 0, out=folder, progress=False), folder, data


def test_of_two_types_every_number_is_told_by_label(labelled):
    fit, folder, _ = labelled
    result = json.loads((folder / "result.json").read_text())
    assert result == json.loads(json.dumps(fit.result_))
    assert list(result["statistics"]) == list(result["labels"]) == ["E", "I"]
    assert set(result["statistics"]["E"]["max_rate"]) == {"ks", "line", "floor", "n_data", "n_model", "ks_start"}
    assert result["labels"]["I"] == {"n_train": 10, "n_held_out": 10, "n_cells": 1, "weight": 0.5}
    assert result["n_train"] == result["n_held_out"] == 20
    assert [len(result["prediction"][label]["ks"]) for label in ("E", "I")] == [1, 1]
    assert "1 of 41 units is left out: cell_type VIP 1." in result["warnings"]
    assert result["settings"]["match"] == {"cell_type": {"PC": "E", "PV": "I"}}
    assert all(set(line["statistics"]) == {"E", "I"} for line in fit.evaluations_)
    assert "KS E: max_rate=" in repr(fit)
    assert "<td>I: max_rate</td>" in fit._repr_html_()


def test_a_fit_of_two_types_is_loaded_resumed_and_scored(labelled, kinds, tmp_path):
    fit, folder, data = labelled
    again = Fit.load(folder, kinds)
    assert again.match == fit.match
    assert again.dataset_.identical(fit.dataset_)
    assert again.score(data) == fit.score(data)
    assert {n: c.ks for n, c in fit.score(fit.dataset_.isel(unit=fit.dataset_["held_out"].values))["I"].items()} == {
        name: row["ks"] for name, row in fit.result_["statistics"]["I"].items()
    }
    shutil.copytree(folder, tmp_path / "run")
    settings = fit.settings.model_dump()
    more = Fit(kinds, match=fit.match, **(settings | {"max_steps": 7})).fit(
        data, 0, out=tmp_path / "run", resume=True, progress=False
    )
    assert same(more.history_[5]["parameters"], fit.history_[5]["parameters"])
    with pytest.raises(UserError, match=r"match\.cell_type\.PV"):
        Fit(kinds, match={"cell_type": {"PC": "E", "PV": "E"}}, **settings).fit(
            data, 0, out=tmp_path / "run", resume=True, progress=False
        )


def test_the_page_of_two_types_has_a_part_for_each(labelled, tmp_path):
    labelled[0].report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<h3>E</h3>") == page.count("<h3>I</h3>") == 5
    assert "10 units fitted, 10 held out, weight 0.5" in page
    assert "Distribution of Maximum rate of I" in page


def test_a_preset_is_no_circuit_and_says_where_it_is():
    with pytest.raises(UserError, match=r"'v1' is a preset and no circuit: its fit is tuneful\.preset\('v1'\)"):
        Fit("v1")
