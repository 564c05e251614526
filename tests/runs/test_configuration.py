"""What decides the result of a fit, in a file."""

import json

import pytest

from tuneful.circuits import FeedforwardM1
from tuneful.errors import UserError
from tuneful.objectives import RatePenalty, WassersteinGAN
from tuneful.runs.configuration import RunConfig, read_config, upgraded

CONFIG = RunConfig(circuit={"name": "m1", "grid": 5}, objective="wgan-gp", seed=3)


def completed(config):
    return config.completed(FeedforwardM1(grid=5), WassersteinGAN(), [RatePenalty()])


def test_a_complete_configuration_leaves_nothing_to_defaults(tmp_path):
    """Written and read, it is the same, and so is what it builds."""
    complete = completed(CONFIG)
    (tmp_path / "config.json").write_text(json.dumps(complete.written()))
    again = RunConfig.model_validate(read_config(tmp_path / "config.json"))
    assert again.written() == complete.written()
    assert (again.fit.batch, again.fit.learning_rate) == (30, 0.001)
    circuit, objective, penalties = again.components()
    assert circuit.grid == 5
    assert objective == WassersteinGAN()
    assert penalties == [RatePenalty()]
    assert again.completed(circuit, objective, penalties).written() == complete.written()


def test_what_may_differ_when_a_run_is_gone_on_with():
    complete = completed(CONFIG)
    fit = complete.fit.model_copy(update={"max_steps": 7, "final_curves": 9, "predict": {"x": [1.0]}})
    assert complete.model_copy(update={"fit": fit, "versions": {"jax": "1"}}).changes(complete) == []
    fit = complete.fit.model_copy(update={"window": 7})
    assert complete.model_copy(update={"fit": fit, "seed": 4}).changes(complete) == ["fit.window", "seed"]


def test_the_configuration_of_an_earlier_format_is_read():
    old = {
        "circuit": {"name": "m1", "cells": 2}, "objective": {"name": "energy", "batch": 8, "ridge": 0.2},
        "penalties": [{"name": "rate", "limit": 9.0}], "data": "curves.csv", "fit": {"max_steps": 3}, "seed": 1,
        "precision": "float32", "versions": {"tuneful": "0.1.0"},
    }  # fmt: skip
    config = RunConfig.model_validate(upgraded(old, "config.json"))
    assert config.components()[0].n_cells == 2
    assert (config.fit.batch, config.objective) == (8, {"name": "energy", "ridge": 0.2})
    assert config.penalties == {"rate": {"limit": 9.0}}
    assert (config.data.path, config.data.name) == ("data.nc", "curves.csv")


def test_one_of_a_later_format_is_refused():
    with pytest.raises(UserError, match="written by a later version of tuneful"):
        upgraded({"format": 99}, "config.json")


@pytest.mark.parametrize("text", ["[1, 2]", "3", '"a"', "{"])
def test_json_that_is_no_configuration(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"a\.json (is not valid JSON|holds no settings)"):
        read_config(tmp_path / "a.json")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="There is no configuration file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(UserError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "latin.toml").write_bytes("# é".encode("latin-1"))
    with pytest.raises(UserError, match="cannot be read"):
        read_config(tmp_path / "latin.toml")
