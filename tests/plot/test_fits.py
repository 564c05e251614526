"""Plots of a fit by name."""

from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from tuneful.errors import UserError
from tuneful.plot import fits

ROWS = {"rate": {"ks_start": 0.9, "line": 0.2, "floor": 0.1}}
STEPS = [{"step": s, "loss": 1.0 / s, "parameters": {"J": 1.0 + s}} for s in (1, 2)]


def fitted(**result):
    told = {"E": {"rate": 0.5}, "I": {"rate": 0.4}} if "labels" in result else {"rate": 0.5}
    about = {"parameters": {"J": {"value": 3.0, "initial": 1.0, "unit": "Hz"}}, "statistics": ROWS} | result
    return SimpleNamespace(result_=about, history_=STEPS, evaluations_=[{"step": 2, "statistics": told}])


def test_distances_begin_at_the_start():
    axes = fits.distances(fitted(), "rate", ax=Figure().add_subplot())
    assert axes.lines[0].get_xydata().tolist() == [[0, 0.9], [2, 0.5]]


def test_distances_are_those_of_a_label():
    of_labels = fitted(labels={"E": {}, "I": {}}, statistics={"E": ROWS, "I": ROWS})
    axes = fits.distances(of_labels, "rate", label="I", ax=Figure().add_subplot())
    assert axes.lines[0].get_xydata().tolist() == [[0, 0.9], [2, 0.4]]
    with pytest.raises(UserError, match="choose one of E, I"):
        fits.distances(of_labels, "rate")


def test_trajectory_and_loss_are_those_of_the_log():
    axes = fits.trajectory(fitted(), "J", ax=Figure().add_subplot())
    assert [2.0, 3.0] in axes.lines[-2].get_xydata().tolist()
    assert axes.get_ylabel() == "Hz"
    assert fits.loss(fitted(), ax=Figure().add_subplot()).lines[0].get_ydata().tolist() == [1.0, 0.5]


def test_names_that_are_not_there_are_refused():
    with pytest.raises(UserError, match="There is no parameter 'j'"):
        fits.trajectory(fitted(), "j")
    with pytest.raises(UserError, match=r"There is no statistic 'rat'.*Did you mean 'rate'"):
        fits.distances(fitted(), "rat")
    with pytest.raises(UserError, match="leave it out"):
        fits.distances(fitted(), "rate", label="E")
    with pytest.raises(UserError, match="no step"):
        fits.loss(SimpleNamespace(history_=[]))
