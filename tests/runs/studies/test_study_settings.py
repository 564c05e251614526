"""What a study file may say, what comes of it, and what is refused in one sentence."""

import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneful.errors import UserError
from tuneful.runs.studies.study_settings import (
    Drawn,
    combinations,
    count,
    read_study,
    seed_of,
    study_from,
)

GRID = {"fit.batch": [8, 16], "objective": {"ridge": [0.1, 0.3]}}


def study(**settings):
    return study_from({"model": "m1"} | settings, "s.toml")


def test_everything_is_crossed_and_seeds_vary_fastest():
    asked = study(
        grid=GRID, cases=[{"J": 1}, {"J": 2}], datasets=["a.csv", {"path": "b.csv", "name": "B"}], seeds=[5, 6]
    )
    found = list(combinations(asked))
    expected = itertools.product((0, 1), (1, 2), (8, 16), (0.1, 0.3), (5, 6))
    assert [(c.dataset, *c.values.values(), c.seed) for c in found] == list(expected)
    assert list(found[0].values) == ["J", "fit.batch", "objective.ridge"]
    assert count(asked) == len(found) == 32


def test_samples_are_crossed_with_everything():
    asked = study(replicates=2, cases=[{"J": 1}, {"J": 2}], seeds=[8, 9])
    found = [(c.values["J"], c.replicate, c.seed) for c in combinations(asked)]
    assert found == [(j, n, s) for j in (1, 2) for n in (0, 1) for s in (8, 9)]
    assert count(asked) == 8


def test_one_job_is_a_study_too():
    assert [(c.dataset, c.values) for c in combinations(study())] == [(None, {})]


def test_seeds_come_of_the_root_and_the_number_of_the_job():
    """Not of how many jobs there are; and those of another root are others."""
    few, many = (list(combinations(study(seeds=n))) for n in (3, 9))
    assert [c.seed for c in few] == [c.seed for c in many[:3]] == [seed_of(0, i) for i in range(3)]
    others = {seed_of(1, i) for i in range(9)}
    assert len({c.seed for c in many} | others) == 18


def test_draws_do_not_depend_on_each_other():
    one = {"a": {"low": 1.0, "high": 100.0, "scale": "log"}}
    both = one | {"fit": {"batch": {"low": 2, "high": 4, "whole": True}}}
    alone, together = ([c.values for c in combinations(study(draws=40, random=r))] for r in (one, both))
    assert [values["a"] for values in alone] == [values["a"] for values in together]
    assert all(1 <= values["a"] < 100 for values in together)
    assert {values["fit.batch"] for values in together} == {2, 3, 4}


@hypothesis.settings(max_examples=30)
@given(st.floats(0, 1, exclude_max=True))
def test_draws_stay_in_their_range(share):
    assert 0.5 <= Drawn(low=0.5, high=2.5).at(share) <= 2.5
    assert Drawn(low=1, high=3, whole=True).at(share) in (1, 2, 3)
    assert (
        0.001 * (1 - 1e-12) <= Drawn(low=0.001, high=1000, scale="log").at(share) <= 1000 * (1 + 1e-12)
    )  # of exp, log


def test_a_logarithmic_draw_is_even_in_the_logarithm():
    draws = [Drawn(low=0.01, high=100, scale="log").at(s) for s in np.linspace(0, 0.99, 100)]
    assert sum(draw < 1 for draw in draws) == 50


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"modle": "m1"}, "unknown setting 'modle'. Did you mean 'model'?"),
        ({"datasets": [{"path": "a.csv", "nmae": "A"}]}, "unknown setting 'datasets.0.nmae'. Did you mean 'name'?"),
        ({"replicates": {"number": 3, "bye": "x"}}, "unknown setting 'replicates.bye'. Did you mean 'by'?"),
        ({"seeds": 0}, "seeds"),
        ({"seeds": []}, "seeds"),
        ({"seeds": True}, "should not be true or false"),
        ({"limit": float("nan")}, "limit = nan is not valid"),
        ({"limit": 0}, "limit = 0 is not valid"),
        ({"replicates": 0}, "replicates.number = 0 is not valid"),
        ({"replicates": True}, "should not be true or false"),
        ({"settings": {"weights": "W.npz"}}, r"give datasets = \[...\] instead"),
        ({"memory": 0}, "memory = 0 is not valid"),
        ({"model": "my.py:Ring"}, "no code is run because a file names it"),
        ({"grid": {"fit.batch": 8}}, "grid.fit.batch = 8 is no list of values"),
        ({"grid": {"fit.batch": []}}, "is no list of values"),
        ({"grid": {"fit.batch": [8, 8]}}, "has a value twice"),
        ({"grid": {"seed": [1, 2]}}, r"grid.seed has a place of its own: give seeds = \[...\]"),
        ({"grid": GRID, "settings": {"batch": 4}}, r"batch is both in \[settings\] and in \[grid\]"),
        ({"random": {"J": {"low": 1, "high": 2}}}, r"\[random\] is there and draws is not"),
        ({"draws": 3}, r"draws is there and \[random\] is not"),
        ({"draws": 3, "random": {"J": 1}}, "random.J = 1 is no range"),
        ({"draws": 3, "random": {"J": {"low": 2, "high": 1}}}, "low must be below high"),
        ({"draws": 3, "random": {"J": {"low": 0, "high": 1, "scale": "log"}}}, "a low above 0"),
        ({"grid": {"J": list(range(50_000))}, "seeds": 3}, "150,000 jobs, and 100,000 are the most"),
    ],
)  # fmt: skip
def test_bad_studies_are_refused_in_one_sentence(settings, sentence):
    with pytest.raises(UserError, match=rf"^s\.toml.*{sentence}"):
        study_from({"model": "m1"} | settings, "s.toml")


def test_a_study_needs_a_model():
    with pytest.raises(UserError, match="the setting 'model' is missing"):
        study_from({}, "s.toml")


def test_settings_of_a_command_are_stronger_than_those_of_the_file(tmp_path):
    (tmp_path / "s.toml").write_text('model = "m1"\nlimit = 5\n[settings]\nfit.max_steps = 100\nbatch = 8\n')
    asked = read_study(tmp_path / "s.toml", ["max_steps=7", "objective.ridge=0.2"], {"limit": 9.0, "memory": None})
    assert asked.memory is None
    assert asked.settings == {"batch": 8, "max_steps": 7, "objective.ridge": 0.2}
    assert asked.limit == 9
    with pytest.raises(UserError, match="is not of the form key=value"):
        read_study(tmp_path / "s.toml", ["max_steps"])
    with pytest.raises(UserError, match=r"There is no configuration file .*t\.toml"):
        read_study(tmp_path / "t.toml")


def test_what_decides_a_number_is_told_from_what_does_not(tmp_path):
    (tmp_path / "m.toml").write_text('circuit = "m1"\n')
    model = str(tmp_path / "m.toml")
    before = study(model=model, limit=5.0).written()
    assert study(model=model, limit=7.0, memory=2.0, retries=9).changes(before) == []
    assert study(model=model, grid=GRID).changes(before) == ["grid.fit.batch", "grid.objective"]
    (tmp_path / "m.toml").write_text('circuit = "ssn"\n')
    assert study(model=model).changes(before) == ["model_sha256"]
