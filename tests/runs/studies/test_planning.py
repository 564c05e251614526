"""From a study to its jobs: every one is checked, and says what it is run with down to its curves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful import save
from tuneful.errors import UserError
from tuneful.runs.curves_source import curves_of, digest
from tuneful.runs.overrides import as_override, parse_value
from tuneful.runs.running import as_config
from tuneful.runs.studies.planning import planned
from tuneful.runs.studies.study_settings import seed_of, study_from

RING = Path(__file__).parents[3] / "examples" / "ring.py"
SMALL = {"circuit.grid": 5, "circuit.density": 0.1}


def jobs(**asked):
    own = asked.pop("settings", {})
    small = {} if asked.get("model") == "stabilize" and own else SMALL
    return planned(study_from({"model": "m1", "settings": small | own} | asked, "s.toml"), "s.toml")


def test_every_job_is_a_whole_configuration(tiny_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tiny_data, tmp_path / "a.csv")
    with pytest.raises(UserError, match=r"^s\.toml, job 2: "):
        jobs(datasets=["a.csv", {"path": "a.csv", "options": {"dorp": "x"}}], seeds=2)
    found = jobs(datasets=["a.csv"], grid={"objective": ["energy", "moments"], "fit.batch": [16, 32]}, seeds=2)
    assert [(j.values["objective"], j.values["fit.batch"]) for j in found[::2]] == [
        ("energy", 16), ("energy", 32), ("moments", 16), ("moments", 32),
    ]  # fmt: skip
    configs = [as_config(job.config, "job") for job in found]
    assert [config.seed for config in configs] == [seed_of(0, i) for i in range(8)]
    assert [config.objective["name"] for config in configs] == ["energy"] * 4 + ["moments"] * 4
    assert {config.fit.batch for config in configs} == {16, 32}
    assert {config.data.path for config in configs} == {str(tmp_path / "a.csv")}
    assert len({config.data.sha256 for config in configs} - {None}) == 1


def test_simulated_curves_are_drawn_by_the_job():
    (job,) = jobs(settings={"data.simulate": 60, "data.truth": {"J": 7000.0}})
    assert job.data == "60 simulated curves"
    assert job.config["data"]["truth"] == {"J": 7000.0}


def test_a_circuit_of_ones_own_is_the_model_though_a_preset_is_called_so():
    study = study_from({"model": "ring", "settings": {"data.simulate": 20}}, "s.toml")
    (job,), (of_preset,) = planned(study, "s.toml", [f"{RING}:Ring"]), planned(study, "s.toml")
    assert job.config["circuit"]["name"] == "ring"
    assert of_preset.config["circuit"]["name"] == "recurrent"


def test_samples_are_the_same_for_all_settings_and_proven(tiny_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tiny_data, tmp_path / "a.csv")
    own = {"datasets": [{"path": "a.csv", "name": "mine"}], "seed": 7, "seeds": [5]}
    found = jobs(**own, replicates=2, grid={"fit.batch": [16, 32]})
    assert [job.config["data"]["resample"] for job in found] == [
        {"seed": 7, "number": n, "by": None} for n in (0, 1, 0, 1)
    ]
    digests = [job.config["data"]["sha256"] for job in found]
    assert digests[:2] == digests[2:]
    assert len({*digests, jobs(**own)[0].config["data"]["sha256"]}) == 3
    assert {job.data for job in found} == {"mine"}
    dataset, _ = curves_of(as_config(found[1].config, "job"))
    assert (digest(dataset), dataset.sizes) == (digests[1], tiny_data.sizes)
    with pytest.raises(UserError, match=r"^s\.toml, job 0: Units cannot be drawn by 'session'"):
        jobs(**own, replicates={"number": 2, "by": "session"})


def test_samples_of_simulated_curves_are_drawn_by_the_job():
    found = jobs(replicates=2)
    assert [job.config["data"]["resample"]["number"] for job in found] == [0, 1]


def test_networks_that_are_stabilised_are_a_study_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("w.csv", [[0.5, -1], [1, -0.5]], delimiter=",")
    found = jobs(model="stabilize", settings={"n": 12}, grid={"radius": [2.0, 3.0]}, seeds=[1, 2])
    configs = [as_config(job.config, "job") for job in found]
    assert [(config.radius, config.seed) for config in configs] == [(2.0, 1), (2.0, 2), (3.0, 1), (3.0, 2)]
    assert {job.data for job in found} == {"drawn networks"}
    (tmp_path / "s.toml").write_text('kind = "stabilized circuit"\ntarget = 0.3\n')
    (job,) = planned(study_from({"model": "s.toml", "datasets": ["w.csv"]}, "a"), "a")
    assert (job.data, job.config["target"], job.config["weights"]) == ("w.csv", 0.3, str(tmp_path / "w.csv"))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"model": "stabilize"}, r"job 0: command line: unknown setting 'circuit\.grid'"),
        ({"model": "m2"}, "job 0: .*m2"),
        ({"grid": {"fit.batch": [16, -1]}}, r"job 1 \(fit.batch=-1\): .*fit.batch = -1 is not valid"),
        ({"grid": {"nonsense": [1]}}, "No section of the configuration has a setting 'nonsense'"),
        ({"grid": {"objective": ["enrgy"]}}, r"job 0 \(objective=enrgy\): .*Did you mean 'energy'"),
        ({"grid": {"fit.fitted": [["J"], ["K"]]}}, "job 1 .*K"),
        ({"datasets": ["missing.csv"]}, r"job 0: .*missing\.csv"),
        ({"settings": {"data.simulate": 10**10}}, "job 0: "),
    ],
)
def test_the_job_that_could_not_be_run_is_named(asked, sentence):
    with pytest.raises(UserError, match=rf"^s\.toml, {sentence}" if sentence.startswith("job") else sentence):
        jobs(**asked)


plain_values = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=25)
@given(plain_values)
def test_values_survive_the_way_through_an_override(value):
    assert parse_value(as_override(value)) == value
