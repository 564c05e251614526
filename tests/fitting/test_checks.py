"""What is refused, and what is said, before the first step of a fit."""

import dataclasses
from typing import Any, ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import SSN, AbstractCircuit, FeedforwardM1, Positive, Response, parameter
from tuneful.circuits.observation import Observation, observed
from tuneful.curves import make_dataset
from tuneful.errors import UserError
from tuneful.fitting.checks import check_size
from tuneful.fitting.fits import FitTask
from tuneful.fitting.settings import FitSettings
from tuneful.objectives import EnergyDistance, WassersteinGAN

SIZES = {"size": [1, 2, 4]}
PLACES = {"x": [-1, -1, 0, 0, 1, 1], "y": [0, 1, 0, 1, 0, 1]}


@final
class Seen(AbstractCircuit):
    """Shows apertures as the SSN does, and answers at once."""

    label: ClassVar[str] = "seen"
    stimulus_features: ClassVar[tuple[str, ...]] = SSN.stimulus_features

    stimuli: Any = SSN(n_sites=11)
    a: jax.Array = parameter(symbol="a", unit="Hz", constraint=Positive(), default=2.0, meaning="scale")

    def draw(self, key):
        return jax.random.exponential(key, (2, len(self.stimuli.stimuli)))

    def respond(self, z):
        return Response(self.a * z, jnp.array(True), jnp.zeros(()))

    def conditions(self):
        return self.stimuli.conditions()

    def at_conditions(self, features):
        return dataclasses.replace(self, stimuli=self.stimuli.at_conditions(features))

    def check_stimuli(self):
        return self.stimuli.check_stimuli()

    @classmethod
    def example(cls):
        return cls()


def rates(conditions, units=12):
    return np.random.default_rng(0).gamma(2, 3, (units, len(next(iter(conditions.values())))))


def said(conditions=None, curves=None, circuit=None, objective=None, **settings):
    """The sentences of a fit, or the one that refuses it."""
    conditions = SIZES if conditions is None else conditions
    dataset = make_dataset(rates(conditions) if curves is None else curves, conditions)
    circuit, objective = circuit or Seen(), objective or EnergyDistance()
    try:
        return FitTask.of(circuit, objective, dataset, FitSettings(**settings), seed=0).remarks
    except UserError as error:
        return str(error)


def in_one_condition_each(units):
    curves = np.full((units, 3), np.nan)
    curves[np.arange(units), np.arange(units) % 3] = np.arange(1.0, units + 1)
    return curves


def test_a_fit_of_which_nothing_is_to_be_said():
    assert said(curves=rates(SIZES, 24)) == []


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (SIZES | {"direction": [0, 90, 45]}, "The Seen does not know the feature direction: leave it out (--drop d"),
        (
            SIZES | {"tf": [1, 2, 4], "sf": [1, 1, 2]},
            "the features tf, sf: leave them out (--drop tf --drop sf) or",
        ),
        ({"size": [1, 1, 4], "condition": ["a", "b", "c"]}, "Condition 1 (size=1.0) is the same as condition 0"),
        ({"condition": ["a", "b", "c"]}, "needs stimulus sizes, a feature `size`; the data have no features"),
        (
            {"size": [2, 2, 2], "position": [0, 50, 360]},
            "Condition 1 (and 1 more) has a position of 50, off the line",
        ),
        ({"size": [1, -2, 4]}, "The size of condition 1 is -2, and no stimulus is smaller than 0"),
    ],
)
def test_conditions_that_the_circuit_cannot_answer_are_refused(conditions, words):
    assert words in said(conditions)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (SIZES | {"direction": [90, 90, 90]}, "does not know the feature direction, constant in these data"),
        ({"size": [0, 2, 4]}, "Condition 0 is without a stimulus (size or contrast 0)"),
        ({"size": [2, 2, 2], "contrast": [0.05, 0.2, 1]}, "All contrasts are at most 1: the circuit takes per cent"),
        ({"size": [2, 4, 40]}, "Condition 2 has a size of 40, above 8"),
        ({"size": [2, 2.00001, 4]}, "Feature 'size' has 2.0 and 2.00001"),
    ],
)
def test_conditions_that_are_seldom_meant_are_said(conditions, words):
    assert words in said(conditions, rates(conditions, 24))[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"predict": {"siz": [1, 2]}}, "fit.predict: the Seen does not know the feature siz"),
        ({"predict": {"size": [1, 2], "orientation": [0, 90]}}, "fit.predict: the Seen does not know the feature or"),
        (
            {"predict": {"size": [1, 2], "contrast": [1, 2, 3]}},
            "give one value of every feature for each condition, not",
        ),
        ({"predict": {"size": []}}, "fit.predict: expected a finite number"),
        ({"predict": {"size": [1, 2, 1]}}, "fit.predict: Condition 2 (size=1.0) is the same as condition 0"),
        ({"predict": {"size": [1, -1]}}, "fit.predict: The size of condition 1 is -1"),
        ({"predict": {"size": [1, 1], "position": [0, 90]}}, "fit.predict: Condition 1 has a position of 90, off"),
        ({"batch": 2}, "batch = 2 is one realisation of 2 cells, and the objective energy compares realisations"),
        ({"refine_steps": 1, "refine_batch": 1}, "refine_batch = 1 is one realisation"),
        ({"refine_steps": 1, "refine_first": 2}, "refine_first = 2 is one realisation of 2 cells"),
        ({"batch": 10**6}, "batch = 1000000: all pairs of so many curves take"),
        ({"final_curves": 10**9}, "final_curves = 1000000000: the rates of so many curves take"),
        ({"evaluation_curves": 10**9}, "evaluation_curves = 1000000000: the rates"),
        ({"predict": {"size": [1]}, "prediction_curves": 10**9}, "prediction_curves = 1000000000: the rates"),
    ],
)
def test_settings_of_the_end_are_refused_at_the_beginning(settings, words):
    assert words in said(**settings)


def test_predictions_of_a_preset_are_left_out_where_the_data_vary_in_more():
    conditions = {"size": [1, 2, 2], "contrast": [5, 5, 20]}
    (sentence,) = said(conditions, rates(conditions, 24), predict={"size": [1, 2]})
    assert "Nothing is predicted: fit.predict lacks the feature contrast" in sentence


def test_what_is_seldom_meant_of_a_prediction_is_said_of_it():
    (sentence,) = said(curves=rates(SIZES, 24), predict={"size": [1, 40]})
    assert sentence.startswith("fit.predict: Condition 1 has a size of 40, above 8")


def test_what_is_not_asked_for_is_not_refused():
    enough = rates(SIZES, 24)
    assert said(curves=enough, refine_batch=1, prediction_curves=10**9, predict={}) == []
    assert said(curves=enough, objective=WassersteinGAN(), batch=2) == []
    assert said(curves=enough, predict={"size": [1, 2], "contrast": [20]}) == []


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        (np.zeros((8, 3)), "all have the same curve (at most 0 Hz)"),
        (np.full((8, 3), 5.0), "all have the same curve (at most 5 Hz)"),
        (in_one_condition_each(4), "No condition was measured in two of the 2 units left for the fit"),
        (np.ones((1, 3)), "Holding out 0.5 of 1 units does not leave 2"),
    ],
)
def test_curves_without_a_distribution_are_refused(curves, words):
    assert words in said(curves=curves)


@pytest.mark.parametrize("relative", [None, "curve"])
def test_responses_without_a_logarithm_are_refused(relative):
    """They are no numbers, which would end in the middle of linear algebra; what is a little below zero has one."""
    circuit = observed(Seen(), Observation(gain=1.0))

    def remarks(signals, log_above):
        data = make_dataset(signals, SIZES, rate_unit="a.u.")
        objective = EnergyDistance(log_above=log_above, relative=relative)
        return FitTask.of(circuit, objective, data, FitSettings(), seed=0).remarks

    faint = rates(SIZES)
    faint[:, 0] = -1e-18
    _ = remarks(faint, 0.1)
    _ = remarks(rates(SIZES) - 5.0, None)
    with pytest.raises(UserError, match=r"down to -\d\.\d+ a\.u\., and .* logarithms, which end at -0\.1"):
        _ = remarks(rates(SIZES) - 5.0, 0.1)


def test_data_that_say_little_are_said_to():
    assert "sees 2 units, fewer than there are conditions (3):" in said(curves=rates(SIZES, 4))[0]
    network = SSN(n_sites=11, sizes=tuple(SIZES["size"]))
    assert "sees 4 units, fewer than there are fitted parameters (12):" in said(None, rates(SIZES, 8), network)[0]
    sparse = said(curves=in_one_condition_each(60))
    assert "Every unit was measured in one condition only: the fit sees rates, and no tuning." in sparse
    assert said({"size": [2]}, rates({"size": [2]}, 24)) == [
        "There is one condition: the fit sees rates, and no tuning."
    ]


def test_statistics_that_are_not_defined_are_left_out_before_the_fit():
    angle = np.arange(8) * np.pi / 4
    places = {"x": np.cos(angle).round(4), "y": np.sin(angle).round(4)}
    circuit = FeedforwardM1(grid=4, density=0.1)
    sentences = said(places, rates(places, 24), circuit)
    assert sentences[0] == "The data have no feature z: the FeedforwardM1 takes 0 in every condition."
    assert sentences[1] == "Not defined for the held-out units, and left out: complexity."
    lattice = {name: np.array(values, float) for name, values in PLACES.items()}
    assert len(said(lattice, rates(lattice, 24), circuit)) == 1  # in a plane, all four are defined


def test_a_feature_of_the_task_that_the_circuit_does_not_know_is_refused():
    message = said(PLACES | {"load": [0, 1, 0, 1, 0, 1]}, circuit=FeedforwardM1(grid=4, density=0.1))
    assert "The FeedforwardM1 does not know the feature load" in message
    far = {"x": [0, 0, 10, 10], "y": [0, 10, 0, 10]}
    assert "position of 10 lies outside the inputs" in said(far, circuit=FeedforwardM1(grid=4, density=0.1))


@pytest.mark.parametrize(
    ("circuit", "number"), [(SSN(n_sites=40_000), "n_sites = 40000"), (FeedforwardM1(grid=1000), "grid = 1000")]
)
def test_networks_that_no_memory_holds_are_refused_before_any_is_asked_for(circuit, number):
    with pytest.raises(UserError, match=rf"{number}.* take [\d,]+ GiB, and may take 2 GiB( of .*)?: make it smaller"):
        check_size(circuit, {})


def test_what_this_machine_has_is_said_where_it_is_known(monkeypatch):
    with pytest.raises(UserError, match=r"batch = 10{10}: .* of the \d+ GiB of this machine: choose a smaller batch"):
        check_size(SSN(n_sites=11), {"batch": 10**10})
    monkeypatch.delattr("os.sysconf")
    with pytest.raises(UserError, match="may take 2 GiB: choose a smaller batch"):
        check_size(SSN(n_sites=11), {"batch": 10**10})


def test_a_recurrent_circuit_is_measured_without_computing_it():
    assert check_size(SSN(n_sites=11, sites=(0.0, 1.0)), {"batch": 10}) == 2


def test_every_label_has_a_distribution_and_curves(kinds):
    curves, types = rates(SIZES, 24), ["E"] * 12 + ["I"] * 12

    def said(curves, **settings):
        data = make_dataset(curves, SIZES, {"cell_type": types})
        try:
            return FitTask.of(kinds, EnergyDistance(), data, FitSettings(**settings), seed=0).remarks
        except UserError as error:
            return str(error)

    assert said(curves) == []
    alike = np.where(np.arange(24)[:, None] < 12, curves, 3.0)
    assert said(alike) == (
        "The 6 units of I left for the fit all have the same curve (at most 3 Hz): there is no distribution to fit."
    )
    wide = dataclasses.replace(kinds, places=(0.0, 0.5, 1.0))
    data = make_dataset(curves, SIZES, {"cell_type": types})
    with pytest.raises(UserError, match="evaluation_curves = 5 is fewer than the 6 cells of one realisation"):
        _ = FitTask.of(wide, EnergyDistance(), data, FitSettings(evaluation_curves=5), seed=0).remarks
