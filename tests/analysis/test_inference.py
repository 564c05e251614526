"""Inference of circuits whose answers are known, from the fit to the table."""

import json

import jax
import numpy as np
import pytest

from tuneful.analysis import InferenceSettings, infer
from tuneful.analysis.clusters import clusters_of, fitted_units
from tuneful.analysis.inference import keys
from tuneful.analysis.local_problem import LocalProblem
from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.fitting.fits import FitTask, fit_circuit
from tuneful.fitting.linearised import linearise
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate
from tuneful.objectives import EnergyDistance, Moments, RatePenalty, WassersteinGAN


def task_of(toy, objective, data, penalties=()):
    return FitTask.of(toy, objective, data, FitSettings(held_out=0.5), 0, penalties)


@pytest.fixture(scope="module")
def data(toy):
    """200 curves of eight sessions."""
    drawn = simulate(toy.example(), 200, jax.random.key(4))
    return drawn.assign_coords(session=("unit", [f"day {i % 8}" for i in range(200)]))


@pytest.fixture(scope="module")
def found(toy, data):
    settings = InferenceSettings(method=("sandwich", "bootstrap"), curves=480, clusters="session")
    return infer(task_of(toy, Moments(), data), toy.example(), settings)


def test_the_truth_is_near_and_the_table_is_json(found):
    """Within five standard errors, of clusters that are only chance."""
    table = json.loads(json.dumps(found.table(), allow_nan=False))
    for name, truth in (("a", 3.0), ("b", 0.5)):
        row = table["parameters"][name]
        low, high = row["interval"]
        assert low < row["value"] < high
        assert abs(np.log(row["value"] / truth)) < 5 * row["standard_deviation"]
        assert row["standard_deviation"] < 0.5
        assert row["truth"] == truth
    assert table["clusters"] == 8
    assert set(table["methods"]) == {"sandwich", "bootstrap"}
    assert any("8 clusters" in said for said in table["remarks"])
    assert table["correlation"]["names"] == ["a", "b"]
    assert len(table["combinations"]) == 2
    assert "Inference by bootstrap" in repr(found)
    assert "<table>" in found._repr_html_()


def test_draws_are_labelled_as_arviz_reads_them(found):
    draws = found.draws
    assert dict(draws.sizes) == {"chain": 1, "draw": 1000}
    assert draws["a"].attrs["units"] == "Hz"
    assert (draws["a"] > 0).all()


def test_clusters_are_a_property_of_units_and_not_too_few(toy, data):
    task = task_of(toy, Moments(), data)
    numbers = clusters_of(task, "session")
    names = data["session"].values[fitted_units(task)]
    assert all(len(set(names[numbers == i])) == 1 for i in range(8))
    np.testing.assert_array_equal(data["rate"].values[fitted_units(task)], np.asarray(task.problem.data.rates, float))
    with pytest.raises(UserError, match=r"no property 'sesion'.*session"):
        clusters_of(task, "sesion")
    with pytest.raises(UserError, match="fewer than 5 clusters"):
        clusters_of(task_of(toy, Moments(), data.assign_coords(session=("unit", ["one", "two"] * 100))), "session")


def test_units_come_label_by_label(kinds):
    rates = np.random.default_rng(0).exponential(size=(12, 3))
    data = make_dataset(rates, {"size": [1.0, 2.0, 4.0]}, {"cell_type": ["I", "E", "E"] * 4})
    task = task_of(kinds, Moments(), data)
    np.testing.assert_allclose(rates[fitted_units(task)], task.problem.data.rates, rtol=1e-6)


def test_penalties_and_fixed_parameters_are_said(toy, data):
    from tuneful.analysis.inference_remarks import conditions

    problem = FitTask.of(toy, Moments(), data, FitSettings(fitted=("a",)), 0, (RatePenalty(),)).problem
    said = list(conditions(problem))
    assert "given b" in said[0]
    assert "100 landmarks, and its weights, from the 100 units" in said[1]
    assert "Penalties" in said[2]
    few = FitTask.of(toy, Moments(landmarks=20), data, FitSettings(), 0).problem
    assert list(conditions(few)) == []


def test_a_critic_allows_the_bootstrap_only(toy, data):
    gan = WassersteinGAN(hidden=(8,), n_critic=1)
    task = task_of(toy, gan, data)
    with pytest.raises(UserError, match="bootstrap only"):
        infer(task, toy.example(), InferenceSettings())
    settings = InferenceSettings(method=("bootstrap",), replicates=20, descent=2)
    found = infer(task, toy.example(), settings)
    assert found.unconstrained_draws.shape == (20, 2)
    assert len(np.unique(found.unconstrained_draws[:, 0])) == 20
    assert "descent of 2 steps" in found.remarks[0]


def test_it_looks_at_the_realisations_that_the_fit_was_refined_with(toy, toy_data):
    """At its answer the loss is that of the fit, and the next step from there as small; other seeds draw others."""
    settings = FitSettings(held_out=0.5, max_steps=0, refine_steps=8, refine_batch=96, refine_first=96)
    fit = fit_circuit(toy.example(), EnergyDistance(), toy_data, settings, 0)
    for_sample, _ = keys(fit.task, InferenceSettings().seed)
    local = LocalProblem.of(fit.task.problem, fit.circuit, for_sample, 96)
    at = local.coordinates.named(local.coordinates.answer), local.objective, local.key, local.curves
    here, there = linearise(local.problem, *at)[0], fit.state.refinement.best.around
    assert here.loss == pytest.approx(float(there.loss), rel=1e-4)
    np.testing.assert_allclose(here.gradient, there.gradient, atol=1e-5)
    others = [jax.random.key_data(keys(fit.task, seed)[0]).tolist() for seed in (0, 1, 2)]
    assert len(set(map(tuple, others))) == 3
