"""Configuration: files, options and single settings, the later the stronger."""

import shutil
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from tuneful.errors import UserError
from tuneful.fitting.fits import FitTask
from tuneful.registry import build, circuits, objectives
from tuneful.runs.configuration import RunConfig
from tuneful.runs.curves_source import curves_of
from tuneful.runs.presets import PRESETS, preset, resolve

NOTHING = {"data": None, "objective": None, "seed": None}
FILE = """
circuit = {name = "m1", grid = 7, sigma_l = 0.2}
seed = 4
precision = "float64"

[objective]
name = "wgan-gp"
hidden = [16, 16]

[data]
path = "curves.csv"
options = {posture = "supination"}

[fit]
max_steps = 9
fitted = ["J", "phi_l"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "fit.toml"
    path.write_text(FILE)
    return str(path)


def asked(**options):
    return NOTHING | options


@pytest.fixture
def plain(tmp_path):
    """A file that leaves everything at its default."""
    (tmp_path / "plain.toml").write_text('circuit = "m1"')
    return str(tmp_path / "plain.toml")


def test_defaults(plain):
    assert resolve(plain, NOTHING, []) == RunConfig(circuit={"name": "m1"})
    assert resolve(plain, NOTHING, []).objective == {"name": "energy"}


@pytest.mark.parametrize("preset", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_circuit_by_its_name_stands_for_its_preset(preset, tmp_path):
    """A copy of the preset under another name is the same fit, and everything in it can be built."""
    config = resolve(preset.stem, NOTHING, [])
    assert config == resolve(str(shutil.copy(preset, tmp_path / "mine.toml")), NOTHING, [])
    assert build("circuit", circuits(), config.circuit).label == {
        "v1": "recurrent",
        "ssn2019": "recurrent",
        "ring": "recurrent",
    }.get(preset.stem, preset.stem)
    build("objective", objectives(), config.objective)


def test_a_preset_can_be_had_without_its_layer():
    """The plain model of the paper; a setting of the layer that is left out says so."""
    assert resolve("m1", NOTHING, []).observation is not None
    assert resolve("m1", NOTHING, ["observation=none"]).observation is None
    with pytest.raises(UserError, match="observation is not a section"):
        resolve("m1", NOTHING, ["observation=none", "observation.noise=1"])


def test_a_file_says_the_same_as_options(file, plain):
    options = [
        "circuit.grid=7", "sigma_l=0.2", "precision=float64", "objective.hidden=[16, 16]",
        "posture=supination", "max_steps=9", "fitted=J,phi_l",
    ]  # fmt: skip
    written = resolve(file, NOTHING, [])
    assert written == resolve(plain, asked(objective="wgan-gp", seed=4, data="curves.csv"), options)
    assert written.fit.fitted == ("J", "phi_l")


def test_bare_names_stand_for_tables(tmp_path, plain):
    (tmp_path / "a.toml").write_text('circuit = "m1"\nobjective = "wgan-gp"\ndata = "curves.nc"')
    assert resolve(str(tmp_path / "a.toml"), NOTHING, []) == resolve(
        plain, asked(objective="wgan-gp", data="curves.nc"), []
    )


def test_another_objective_has_steps_of_its_own():
    """Those of the paper for its recurrent experiment, whatever the energy distance is best descended with."""
    config = resolve("ssn", asked(objective="wgan-gp"), ["max_steps=7"])
    assert config.objective == {"name": "wgan-gp", "critic_rate": 0.02}
    steps = config.fit.for_objective("wgan-gp")
    assert (steps.batch, steps.learning_rate, steps.b1, steps.refine_steps) == (75, 0.01, 0.5, 0)
    assert (steps.max_steps, steps.clip, steps.held_out) == (7, 3.0, 0.4)
    assert resolve("m1", asked(objective="wgan-gp"), []).fit.for_objective("wgan-gp").batch == 30
    conditional = resolve(
        "ssn2019", asked(objective="wgan-gp"), []
    )  # a preset of its own, of a circuit with another name
    assert (conditional.fit.batch, conditional.fit.refine_steps) == (150, 0)


@pytest.mark.parametrize("item", ["batch=16", "fit.batch=16", "objective.batch=16"])
def test_how_steps_are_taken_was_a_matter_of_the_objective_once(item):
    config = resolve("ssn", NOTHING, [item])
    assert config.fit.batch == 16
    assert "batch" not in config.objective


def test_a_tolerance_of_earlier_refinements_is_left_out(tmp_path):
    (tmp_path / "a.toml").write_text('circuit = "m1"\n[fit]\nrefine_steps = 3\nrefine_tolerance = 1e-4')
    assert resolve(str(tmp_path / "a.toml"), NOTHING, []).fit.refine_steps == 3


def test_another_objective_has_penalties_of_its_own():
    """That of the paper on saturation, where a critic is descended; steps that saturate are not taken otherwise."""
    assert resolve("ssn", NOTHING, []).penalties == {}
    assert resolve("ssn", asked(objective="wgan-gp"), []).penalties == {"rate": {"weight": 5000.0, "limit": 150.0}}


def test_a_file_of_that_time_is_read(tmp_path):
    (tmp_path / "a.toml").write_text('circuit = "m1"\nobjective = {name = "energy", batch = 8, refine_steps = 3}')
    config = resolve(str(tmp_path / "a.toml"), NOTHING, [])
    assert (config.fit.batch, config.fit.refine_steps, config.objective) == (8, 3, {"name": "energy"})


def test_options_are_stronger_than_the_file_and_settings_than_options(file):
    config = resolve(file, asked(seed=5, data="other.csv"), ["max_steps=3"])
    assert (config.seed, config.data.path, config.fit.max_steps) == (5, "other.csv", 3)
    assert config.data.options == {"posture": "supination"}
    assert config.fit.fitted == ("J", "phi_l")
    assert resolve(file, asked(seed=5), ["seed=6"]).seed == 6
    assert resolve(file, asked(data="a.csv"), ["data.path=b.csv"]).data.path == "b.csv"


def test_curves_may_be_read_differently(file):
    data = resolve(file, asked(options={"drop": ["size=0"]}), []).data
    assert data.options == {"posture": "supination", "drop": ["size=0"]}
    with pytest.raises(UserError, match="'drop' is for measured curves: name them with --data"):
        resolve("m1", asked(options={"drop": ["size=0"]}), [])


def test_naming_the_objective_of_the_file_keeps_its_settings(file):
    assert resolve(file, asked(objective="wgan-gp"), []).objective == {"name": "wgan-gp", "hidden": [16, 16]}
    assert resolve(file, asked(objective="energy"), []).objective == {"name": "energy"}


def test_a_setting_has_one_value():
    assert resolve("m1", NOTHING, ["max_steps=3", "fit.max_steps=3"]).fit.max_steps == 3
    with pytest.raises(UserError, match=r"max_steps=\.\.\. is given twice, with different values"):
        resolve("m1", NOTHING, ["max_steps=3", "fit.max_steps=4"])


@pytest.mark.parametrize(
    ("setting", "section", "name"),
    [("ridge=1", "objective", "ridge"), ("J=9", "circuit", "J"), ("grid=5", "circuit", "grid")],
)
def test_bare_keys_find_their_section(setting, section, name):
    assert getattr(resolve("m1", NOTHING, [setting]), section)[name] == int(setting.partition("=")[2])


@pytest.mark.parametrize("item", ["max_steps", "=3", "", " = 3"])
def test_malformed_settings(item):
    with pytest.raises(UserError, match="is not of the form key=value"):
        resolve("m1", NOTHING, [item])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("max_step=3", "No section of the configuration has a setting 'max_step'. Did you mean 'max_steps'"),
        ("fit.max_step=3", "unknown setting 'fit.max_step'. Did you mean 'max_steps'"),
        ("nothing.batch=3", "unknown setting 'nothing'. Choose from: kind, format, circuit, "),
        ("a..b=3", "unknown setting 'a'"),
        ("seed.x=3", "seed is not a section"),
        ("max_steps=soon", "fit.max_steps = 'soon' is not valid"),
        ("observation=soon", "observation = 'soon' is not valid: name its settings, observation.NAME = VALUE"),
        ("max_steps=-1", "fit.max_steps = -1 is not valid"),
        ("max_steps=2.5", "fit.max_steps = 2.5 is not valid"),
        ("max_steps=true", "fit.max_steps = True is not valid"),
        ("held_out=1", "fit.held_out = 1 is not valid"),
        ("held_out=nan", "fit.held_out = nan is not valid"),
        ("seed=-1", "seed = -1 is not valid"),
        ("seed=4294967296", "seed = 4294967296 is not valid"),
        ("precision=double", "precision = 'double' is not valid"),
        ("simulate=1", "data.simulate = 1 is not valid"),
    ],
)
def test_every_wrong_setting_is_named(item, message):
    with pytest.raises(UserError) as error:
        resolve("m1", NOTHING, [item])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("circuit = ", "is not valid TOML"),
        ('circuit = "m1"\n[fti]\nmax_steps = 3', "a.toml: unknown setting 'fti'. Did you mean 'fit'"),
        ('circuit = "m1"\n[fit]\nmaxsteps = 3', "a.toml: unknown setting 'fit.maxsteps'. Did you mean 'max_steps'"),
        ('circuit = "m1"\nfit = 3', "a.toml: fit = 3 is not valid"),
        ("seed = 1", "a.toml: the setting 'circuit' is missing."),
        ("circuit = 3", "a.toml: circuit = 3 is not valid"),
        ("[circuit]\ngrid = 3", "does not say which circuit: name one of m1"),
        ('circuit = "m2"', "There is no circuit called 'm2'"),
        ('\ufeffcircuit = "m2"', "There is no circuit called 'm2'"),
        ('circuit = "m1"\n[objective]\nname = 3', "There is no objective called 3"),
    ],
)
def test_every_mistake_in_a_file_is_named(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(UserError) as error:
        resolve("a.toml", asked(data="curves.csv"), [])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_match_of_names_comes_from_a_file_or_from_single_settings(file):
    by_item = resolve(file, NOTHING, ["match.cell_type.PC=E", "match.cell_type.PV=I", "match.position=nearest"])
    at_once = resolve(file, NOTHING, ['match.cell_type={PC = "E", PV = "I"}', "match.position=nearest"])
    assert by_item.match == at_once.match == {"cell_type": {"PC": "E", "PV": "I"}, "position": "nearest"}
    assert resolve(file, NOTHING, ['match.position={"1.5" = 2}']).match == {"position": {"1.5": 2.0}}
    with pytest.raises(UserError, match=r"match\.cell_type"):
        resolve(file, NOTHING, ["match.cell_type=[1, 2]"])
    with pytest.raises(UserError, match="weights must not be negative"):
        resolve(file, NOTHING, ["fit.label_weights.E=-1"])


def test_cells_of_two_types_are_matched_by_the_preset_of_visual_cortex():
    config = resolve("v1", asked(data="cells.csv"), [])
    circuit, objective, _ = config.components()
    assert circuit.cell_types == ["PC", "PV"]
    assert (objective.label, config.match, config.data.options) == (
        "energy", {"cell_type": {"PC": "PC", "PV": "PV"}}, {"rate_unit": "events"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], "2,969 of 8,532 units are left out: cell_type L4 1,910, SST 643, VIP 416"),
        (["types=4"], "1,910 of 8,532"),
    ],
)
def test_recordings_of_visual_cortex_can_be_fitted(mossing, overrides, words):
    config = resolve("v1", asked(data=str(mossing / "size_contrast_still.csv.gz")), overrides)
    (circuit, objective, penalties), (dataset, _) = config.components(), curves_of(config)
    task = FitTask.of(circuit, objective, dataset, config.fit, config.seed, penalties, config.match)
    assert words in task.remarks[0]


def test_a_preset_may_have_a_file_for_a_setting():
    """Four types are more than a longer list: weights, absent connections, what stands for what."""
    config = resolve("v1", asked(data="cells.csv"), ["seed=3", "types=4"])
    circuit, *_ = config.components()
    assert list(config.match["cell_type"]) == ["PC", "PV", "SST", "VIP"] == [*dict.fromkeys(circuit.cell_types)]
    assert circuit.circuit.J.shape == circuit.circuit.dJ.shape == circuit.circuit.sigma.shape == (10,)
    assert config.seed == 3
    with pytest.raises(UserError, match="types"):
        resolve("m1", NOTHING, ["types=4"])


def test_a_circuit_of_ones_own_that_is_called_as_a_preset_is_itself(tmp_path, monkeypatch):
    example = (Path(__file__).parents[2] / "examples" / "ring.py").read_text()
    (tmp_path / "called.py").write_text(example.replace('"ring"', '"ssn2019"'))
    monkeypatch.setattr("sys.path", list(sys.path))
    place = f"{tmp_path / 'called.py'}:Ring"
    assert resolve(place, NOTHING, []).circuit == {"name": "ssn2019"}
    other = resolve(place, asked(objective="mmd"), [])
    assert (other.objective, other.fit) == ({"name": "mmd"}, resolve(place, NOTHING, []).fit)
    assert resolve("ssn2019", NOTHING, []).circuit["name"] == "recurrent"
    monkeypatch.setattr("tuneful.runs.presets.installed", lambda *_: circuits())
    with pytest.raises(UserError, match="is a preset, and a circuit of a package: name the place"):
        resolve("ssn2019", NOTHING, [])


def test_the_ring_is_as_sharply_tuned_at_high_contrast_as_at_low():
    """Contrast invariance, of the mean network: the half width at half height changes by less than half a spacing."""
    config = resolve("ring", NOTHING, [])
    truth = build("circuit", circuits(), config.circuit).with_values(config.data.truth)
    mean = truth.with_values({"dJ": 1e-3 * truth.dJ, "V": 1e-3})
    curves = np.asarray(eqx.filter_jit(mean.sample)(jax.random.key(0), 1).rates)[0, 0].reshape(4, 6)
    apart = np.array(config.circuit["orientations"][:6], float)
    half = (curves[:, :1] + curves[:, -1:]) / 2
    widths = [np.interp(-h, -curve, apart) for h, curve in zip(half[:, 0], curves, strict=True)]
    assert curves[-1, 0] > 10 * curves[0, 0]  # while contrasts grow eight-fold
    assert np.ptp(widths) < 15 / 2


def test_a_preset_in_python_is_that_of_the_command_line():
    fit, config = preset("v1", types=4, refine_steps=3), resolve("v1", NOTHING, ["types=4", "refine_steps=3"])
    circuit, objective, penalties = config.components()
    assert eqx.tree_equal(fit.circuit, circuit)
    assert eqx.tree_equal((fit.objective, fit.penalties), (objective, tuple(penalties)))
    assert (fit.settings, fit.match) == (config.fit, config.match)
    assert preset("m1", "wgan-gp", hidden=[8, 8]).objective.hidden == (8, 8)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (lambda: preset("m2"), "There is no preset or circuit called 'm2'. Choose from: m1, ring, ssn, ssn2019, v1"),
        (
            lambda: preset(str(Path(__file__).parents[2] / "README.md")),
            "is no circuit: name one first, and curves by --data",
        ),
        (lambda: preset(str(Path(__file__).parent)), "is a folder: the configuration of a run is its file"),
        (lambda: preset(3), "A preset is asked for by its name, m1, ring, ssn, ssn2019, v1, and not by 3."),
        (lambda: preset("ssn", n_sits=3), "'n_sits'. Did you mean 'n_sites'?"),
        (lambda: preset("ssn", seed=3), "seed is no part of a fit"),
        (lambda: preset("m1", posture="both"), "posture is no part of a fit"),
        (lambda: preset("m1", **{"data.path": "curves.csv"}), "data.path is no part of a fit"),
    ],
)
def test_what_a_preset_does_not_take_is_said(asked, message):
    with pytest.raises(UserError) as error:
        asked()
    assert message in str(error.value)
