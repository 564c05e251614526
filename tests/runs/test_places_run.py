"""Answers of several runs, by the loss that all of them minimised."""

import json

import jax
import pytest

from tuneful import Fit
from tuneful.errors import UserError
from tuneful.fitting.simulation import simulate
from tuneful.objectives import Moments
from tuneful.runs.places_run import places_of


@pytest.fixture(scope="module")
def curves(toy):
    return simulate(toy.example(), 60, jax.random.key(1))


@pytest.fixture(scope="module")
def fitted(toy, tiny_settings, curves):
    """A fit of two steps from somewhere."""

    def fit(seed=0, objective=None, **values):
        settings = tiny_settings | {"max_steps": 1, "fitted": ("a",), "evaluate_every": 9}
        return Fit(toy.with_values(values), objective, **settings).fit(curves, seed, progress=False)

    return fit


@pytest.fixture(scope="module")
def near(fitted):
    return fitted(a=3.0)


def test_the_command_names_the_lowest_of_several_runs(near, fitted, tuneful, quick_report):
    near.save("near")
    fitted(a=6.0).save("far")
    code, out, err = tuneful("places", "near", "far", "--curves", 400)
    assert code == 0, err
    assert out.startswith("near has the lowest loss; far is higher by ")
    table = json.loads(tuneful("places", "far", "near", "--curves", 400, "--json")[1])
    assert table["lowest"] == "near"
    assert table["places"]["far"]["same_place"] is False
    assert table["places"]["near"] == {
        "above_lowest": 0, "error": 0, "error_of_units": 0, "told_apart": False, "of_any_units": False,
        "same_place": True, "standard_errors": {"a": 0},
    }  # fmt: skip
    assert table["words"] == out.strip()


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("not fitted to the same units", {"seed": 1}),
        ("other values of what was not fitted", {"b": 0.7}),
        ("other objectives or penalties", {"objective": Moments(landmarks=10)}),
    ],
)
def test_runs_that_do_not_minimise_one_loss_are_refused(near, fitted, words, changes):
    with pytest.raises(UserError, match=words):
        places_of({"near": near, "other": fitted(**changes)}, curves=192)


def test_a_run_alone_is_refused(near):
    with pytest.raises(UserError, match="a single answer"):
        places_of({"near": near})
