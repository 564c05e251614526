"""What a fitted circuit is asked after the fit: predictions, stability, outcomes."""

import json

import jax
import numpy as np
import pytest

import tuneful
from tuneful.circuits import SSN, FeedforwardM1
from tuneful.errors import UserError
from tuneful.fitting.evaluation import count_stable, predict
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.simulation import simulate
from tuneful.solvers import Status

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def circuit():
    return SSN(
        n_sites=31, sizes=(1.0, 4.0), dJ=SSN().dJ / 4
    )  # at the paper's dJ most realisations of 31 sites saturate


@pytest.fixture(scope="module")
def dataset(circuit):
    return simulate(circuit, 40, KEY)


def test_predictions_are_drawn_beside_the_truth_in_the_conditions_asked_for(circuit, dataset):
    settings = FitSettings(predict={"size": [0.5, 2.0, 8.0]}, prediction_curves=80)
    found = predict(circuit, dataset, settings, KEY)
    table = found.table()
    assert table["conditions"] == {"size": [0.5, 2.0, 8.0]}
    assert found.fitted.sizes == found.truth.sizes == {"unit": 80, "condition": 3}
    # The circuit is the one that made the data, but its curves are others: below the 1-in-1,000 line, 1.95 / 1.358.
    assert 0 < max(table["ks"]) < 1.95 / 1.358 * table["line"]
    weaker = circuit.with_values({"J": circuit.J * np.array([[1.0, 0.2], [1.0, 0.2]])})
    assert max(predict(weaker, dataset, settings, KEY).table()["ks"]) > 1.95 / 1.358 * table["line"]


def test_predictions_without_a_truth_and_without_being_asked(circuit, dataset):
    unknown = dataset.drop_attrs()
    assert predict(circuit, unknown, FitSettings(predict={"size": [2.0]}, prediction_curves=4), KEY).truth is None
    assert predict(circuit, dataset, FitSettings(), KEY) is None
    assert predict(circuit, dataset, FitSettings(predict={"contrast": [2.0]}), KEY) is None  # sizes vary, and lack
    with pytest.raises(UserError, match=r"fit\.predict: "):
        predict(circuit, dataset, FitSettings(predict={"size": [-1.0]}), KEY)


def test_stability_counts_realisations_with_a_negative_abscissa(circuit):
    found = count_stable(circuit, 3, KEY)
    assert found["realisations"] == found["stable"] == 3
    assert found["abscissa"]["median"] <= found["abscissa"]["largest"] < 0
    assert count_stable(circuit, 0, KEY) is None
    assert count_stable(FeedforwardM1(grid=5), 3, KEY) is None


def test_outcomes_are_told_for_every_realisation():
    strong = SSN(n_sites=51, sizes=(6.0,))  # the paper's weights at 51 sites: some saturate
    outcomes = json.loads(simulate(strong, 16, KEY).attrs["outcomes"])
    assert set(outcomes) == {status.name.lower() for status in Status}
    assert sum(outcomes.values()) == pytest.approx(1)
    # About a third saturates at this size; none of 16 would have a probability of 2e-3, and the key is fixed.
    assert 0 < outcomes["saturated"] < 1


def test_a_fit_of_sizes_is_saved_with_its_predictions_and_loaded_again(circuit, dataset, tmp_path):
    start = circuit.with_values({"J": circuit.J * 0.9})
    fit = tuneful.Fit(
        start, tuneful.objectives.EnergyDistance(), [tuneful.objectives.RatePenalty()],
        batch=4, max_steps=2, evaluation_curves=40, final_curves=40, prediction_curves=4, predict={"size": [2.0]},
        stability=1,
    )  # fmt: skip
    fit.fit(dataset, seed=0, out=tmp_path / "run", progress=False)
    assert fit.result_["stability"]["realisations"] == 1
    assert fit.result_["retreats"] == 0
    again = tuneful.Fit.load(tmp_path / "run")
    assert again.result_["prediction"] == json.loads(json.dumps(fit.result_["prediction"]))
    np.testing.assert_array_equal(again.prediction_.fitted["rate"], fit.prediction_.fitted["rate"])
    assert again.penalties == (tuneful.objectives.RatePenalty(),)
    again.report(tmp_path / "page.html")
    assert "Prediction" in (tmp_path / "page.html").read_text()
