"""Circuits and objectives by name."""

import dataclasses

import numpy as np
import pytest

from tuneful import registry as components
from tuneful.circuits import FeedforwardM1
from tuneful.errors import UserError
from tuneful.objectives import EnergyDistance, StabilityPenalty, WassersteinGAN
from tuneful.registry import build, checked, circuits, fields_of, objectives, penalties, settings_of
from tuneful.runs.presets import resolve


def test_everything_in_the_folders_is_found():
    assert circuits()["m1"] is FeedforwardM1
    assert {"energy", "wgan-gp"} <= set(objectives())


def test_a_penalty_is_a_section_of_the_command_line():
    config = resolve("ssn", {}, ["penalties.stability.share=0.5", "penalties.stability.conditions=random"])
    assert list(config.penalties) == ["stability"]
    built = build("penalty", penalties(), {"name": "stability"} | config.penalties["stability"])
    assert built == StabilityPenalty(share=0.5, conditions="random")
    assert build("penalty", penalties(), settings_of(built)) == built


def test_other_packages_add_theirs_by_entry_points(monkeypatch, toy):
    class Entry:
        def load(self):
            return type(toy)

    monkeypatch.setattr(components, "entry_points", lambda group: [Entry()] if group == "tuneful.circuits" else [])
    components.installed.cache_clear()
    try:
        assert isinstance(build("circuit", circuits(), {"name": "toy", "a": 3}), type(toy))
    finally:
        components.installed.cache_clear()


def test_settings_are_converted_to_the_types_of_the_fields():
    circuit = build("circuit", circuits(), {"name": "m1", "grid": "7", "J": 3})
    assert (circuit.grid, float(circuit.J)) == (7, 3.0)
    assert build("objective", objectives(), {"name": "wgan-gp", "hidden": [4, 5]}).hidden == (4, 5)
    assert build("objective", objectives(), {"name": "energy", "whiten": False}).whiten is False


@pytest.mark.parametrize("objective", [EnergyDistance(ridge=0.7, whiten=False), WassersteinGAN(hidden=(3,), b1=0.1)])
def test_settings_make_the_same_objective_again(objective):
    assert build("objective", objectives(), settings_of(objective)) == objective


def test_settings_make_the_same_circuit_again():
    circuit = FeedforwardM1(grid=6, J=0.1, stimuli=np.eye(3))
    again = build("circuit", circuits(), settings_of(circuit))
    for field in dataclasses.fields(circuit):
        before, after = getattr(circuit, field.name), getattr(again, field.name)
        assert np.array_equal(before, after) or before is after is None


def test_earlier_names_of_settings_are_known():
    assert build("circuit", circuits(), {"name": "m1", "n_cells": 8, "cells": 3}).n_cells == 3  # the later counts
    assert build("circuit", circuits(), {"name": "ssn", "cells": "both", "longest": 50.0}).recorded == "both"


def test_fields_are_those_of_the_named_component():
    assert {"grid", "sigma_l", "n_cells", "cells"} <= set(fields_of("circuit", circuits(), {"name": "m1"}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "m2"}, "There is no circuit called 'm2'"),
        ({}, "does not say which circuit"),
        ({"name": "m1", "gird": 3}, "The circuit m1 has no setting 'gird'. Did you mean 'grid'"),
        ({"name": "m1", "grid": 2.5}, "circuit.grid = 2.5 is not of the expected type (int)"),
        ({"name": "m1", "grid": True}, "circuit.grid = True is not of the expected type (int)"),
        ({"name": "m1", "J": "big"}, "circuit.J = 'big' is not of the expected type"),
        ({"name": "m1", "J": [1.0, 2.0]}, "circuit.J = [1.0, 2.0] does not have the shape of its default"),
        ({"name": "m1", "J": [[1.0], [2.0, 3.0]]}, "circuit.J = [[1.0], [2.0, 3.0]] "),
        ({"name": "m1", "density": 0}, "The circuit m1 cannot be built: density must lie in (0, 1]"),
        ({"name": "m1", "grid": -1}, "The circuit m1 cannot be built: grid, n_cells and extent must be positive"),
        ({"name": "m1", "stimuli": [[0.0, 1.0]]}, "circuit"),
    ],
)
def test_every_mistake_is_one_sentence(settings, message):
    with pytest.raises(UserError) as error:
        build("circuit", circuits(), settings)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_checked_names_key_value_and_type():
    assert checked("a.b", float, 3) == 3.0
    with pytest.raises(UserError, match=r"a\.b = 'x' is not of the expected type \(float\)"):
        checked("a.b", float, "x")
