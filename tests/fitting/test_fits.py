"""What the result of a fit shows of itself, and fits of cells of several types."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from tuneful.curves import compare, features, make_dataset
from tuneful.descents import Ending, Outcome
from tuneful.errors import UserError
from tuneful.fitting.fits import FitResult, FitTask, fit_circuit
from tuneful.fitting.history import History
from tuneful.fitting.problem import evaluate
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate
from tuneful.objectives import EnergyDistance, Moments


@pytest.fixture
def result(toy):
    state, task = (
        SimpleNamespace(path=range(7), descent_steps=7),
        SimpleNamespace(problem=SimpleNamespace(circuit=toy)),
    )
    ending = Ending(Outcome.MAX_STEPS, "reached the <maximum> of 7 steps")
    return FitResult(toy.with_values({"a": 3.25}), {}, ending, History(), state, task)


def test_in_a_line(result):
    assert repr(result) == "<FitResult: reached the <maximum> of 7 steps (7 steps), <Toy: a=3.25, b=0.5>>"


def test_in_a_notebook(result):
    page = result._repr_html_()
    assert "<strong>Fit of Toy</strong>: reached the &lt;maximum&gt; of 7 steps (7 steps)" in page
    assert "<td>a</td><td>2</td><td>3.25</td><td>Hz</td>" in page


# Of 150 E and 40 I cells, called otherwise, with a type that the circuit does not know and with missing conditions.
REFINED = FitSettings(
    max_steps=0, batch=8, refine_steps=40, refine_batch=400, refine_first=200, evaluation_curves=40, final_curves=40,
    evaluate_every=100,
)  # fmt: skip
PC_AND_PV = {"cell_type": {"PC": "E", "PV": "I"}}


@pytest.fixture(scope="module")
def recorded(kinds):
    drawn = simulate(kinds.example(), 400, 1)
    cells = [np.flatnonzero(drawn["cell_type"] == kind)[:n] for kind, n in (("E", 150), ("I", 40))]
    rates = drawn["rate"].values[np.concatenate(cells)]
    rates[20:60, 1] = np.nan
    types = ["VIP"] * 10 + ["PC"] * 140 + ["PV"] * 40
    return make_dataset(rates, {"size": drawn["size"].values}, {"cell_type": types})


@pytest.fixture(scope="module")
def of_two_types(kinds, recorded):
    return fit_circuit(kinds, Moments(landmarks=20), recorded, REFINED, 0, match=PC_AND_PV)


def test_one_fit_takes_cells_of_two_types(kinds, recorded, of_two_types):
    """To within four standard errors; a fit that compares all with all finds something else altogether."""
    pooled = fit_circuit(kinds, Moments(landmarks=20), recorded, REFINED, 0, match={"cell_type": "ignore"})
    for name, true in {"a": 2.0, "b": 6.0}.items():
        error = of_two_types.parameter_errors[name]["standard_error"]
        assert error < true / 8
        assert abs(getattr(of_two_types.circuit, name) - true) < 4 * error
    assert abs(pooled.circuit.b - 6.0) > 10 * pooled.parameter_errors["b"]["standard_error"]
    assert pooled.task.labels == () == pooled.task.problem.labels
    assert pooled.task.remarks == []


def test_of_every_label_the_same_part_is_held_out_and_compared(of_two_types):
    task = of_two_types.task
    assert task.labels == ("E", "I")
    assert task.problem.labels == (0, 1)
    assert task.problem.data.counts == (70, 20)
    assert task.problem.data.weights == (70 / 90, 20 / 90)
    assert "10 of 190 units are left out: cell_type VIP 10." in task.remarks
    marks = task.dataset["compared_as"].values
    assert [(marks == name).sum() for name in ("E", "I", "")] == [140, 40, 10]
    aside = task.dataset["held_out"].values
    assert [aside[marks == name].sum() for name in ("E", "I", "")] == [70, 20, 0]
    curves = simulate(of_two_types.circuit, 300, 1, cells=task.held_out.matching.of_cells())
    found = task.held_out.compare(curves)
    for name, kind in {"E": "PC", "I": "PV"}.items():
        test, model = task.dataset.isel(unit=aside & (marks == name)), curves["rate"][curves["cell_type"] == name]
        assert set(test["cell_type"].values) == {kind}
        whole = task.dataset.isel(unit=marks == name)["rate"].values
        names = task.held_out.names
        alone = compare(model.values, test["rate"].values, features(test), names, 0, floor_rates=whole)
        assert found[name] == alone
    assert task.held_out.distances(of_two_types.circuit, 300, 1)["I"] == {n: c.ks for n, c in found["I"].items()}


def test_cells_of_which_there_is_no_unit_change_nothing_but_the_random_numbers(kinds, recorded):
    """One label of two is compared with its own cells only: the parameter of the others has no slope."""
    task = FitTask.of(kinds, EnergyDistance(), recorded, REFINED, 0, match={"cell_type": {"PC": "E"}})
    assert task.labels == ()
    assert task.problem.labels == (0, -1)
    assert task.problem.data.weights == (1.0,)
    assert task.remarks[:2] == [
        "50 of 190 units are left out: cell_type PV 40, VIP 10.",
        "No unit is I: such cells of the Kinds are simulated, and not compared.",
    ]
    state = task.problem.distance.init(jax.random.key(0), task.problem.data)
    at = task.problem.start(), state, jax.random.key(1), jax.random.key(2), 40
    gradient, _ = evaluate(task.problem, *at)
    assert float(gradient["b"]) == 0 != float(gradient["a"])
    assert set(task.held_out.compare(simulate(kinds, 60, 0, cells=task.held_out.matching.of_cells()))) == set(
        task.held_out.names
    )


def test_weights_of_labels_are_asked_for_by_name(kinds, recorded):
    def weights(match, objective, **factors):
        settings = REFINED.model_copy(update={"label_weights": factors})
        return FitTask.of(kinds, objective, recorded, settings, 0, match=match).problem.data.weights

    assert weights(PC_AND_PV, EnergyDistance()) == (0.5, 0.5)
    assert weights(PC_AND_PV, EnergyDistance(), I=0.0) == (1.0, 0.0)
    with pytest.raises(UserError, match="label_weights: there is no label 'PC'"):
        weights(PC_AND_PV, EnergyDistance(), PC=1.0)
    with pytest.raises(UserError, match="there are no labels"):
        weights({"cell_type": "ignore"}, EnergyDistance(), I=2.0)


def test_types_that_nobody_matched_and_labels_of_too_few_units_are_refused(kinds, recorded, toy):
    with pytest.raises(UserError, match="Units without partner"):
        FitTask.of(kinds, EnergyDistance(), recorded, REFINED, 0)
    few = recorded.isel(unit=slice(0, 153))
    with pytest.raises(UserError, match=r"Holding out 0\.5 of 3 units of which compared_as is I does not leave 2"):
        FitTask.of(kinds, EnergyDistance(), few, REFINED, 0, match=PC_AND_PV)
    assert FitTask.of(toy, EnergyDistance(), recorded, REFINED, 0).problem.labels == ()
