"""Circuits of one's own from a file: run where they are named, and never because a run names them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tuneful import Fit, UserError, simulate
from tuneful.circuits import FeedforwardM1
from tuneful.objectives import EnergyDistance
from tuneful.registry import circuits
from tuneful.runs import own_code
from tuneful.runs.configuration import RunConfig
from tuneful.runs.own_code import made, named
from tuneful.runs.presets import resolve
from tuneful.runs.stabilize_config import KIND
from tuneful.settings import parse

EXAMPLE = (Path(__file__).parents[2] / "examples" / "ring.py").read_text()
RING = f"""from __future__ import annotations
{EXAMPLE}
import neighbour
from tuneful.objectives import EnergyDistance

class Half(AbstractCircuit):
    label: ClassVar[str] = "half"

def helper(): ...
"""


PENALTY = """
from tuneful.objectives import AbstractPenalty

@final
class Gain(AbstractPenalty):
    label: ClassVar[str] = "gain"
    weight: float = 1.0

    def __call__(self, circuit, z, response, key):
        return self.weight * circuit.J
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with the file of a circuit, a neighbour that it imports, and a finished run."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "neighbour.py").write_text("")
    (folder / "ring.py").write_text(RING)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        fit = Fit("ring.py:Ring", max_steps=1, batch=8, final_curves=20, evaluation_curves=20)
        fit.fit(simulate(fit.circuit.example(), 20, 1), 0, progress=False).save("run")
    forget()
    return folder


@pytest.fixture
def ring(tmp_path, monkeypatch, finished):
    """A copy of that folder to work in, in a process that has not heard of the circuit."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    forget()


def forget():
    """As in another process."""
    for name in ("ring.py", "ring", "neighbour"):
        sys.modules.pop(name, None)


def test_a_run_says_where_its_circuit_is_from_and_runs_no_code(refused, ring):
    """Nobody's folder, configuration or setting has a file run; the sentence says how the caller has it run."""
    code = json.loads(Path("run/config.json").read_text())["code"]["circuit"]
    assert (code["place"], len(code["sha256"])) == ("ring.py:Ring", 64)
    for command in (
        ["report", "run"],
        ["fit", "run/config.json", "--out", "b"],
        ["fit", "m1", "--start-from", "run"],
    ):
        assert "add --circuit ring.py:Ring; in Python import it first, or give circuit=Ring()" in refused(*command)
    Path("mine.toml").write_text('circuit = "ring.py:Ring"')
    assert "There is no circuit called 'ring.py:Ring'" in refused("fit", "mine.toml")
    assert "There is no circuit called 'ring.py:Ring'" in refused("fit", "m1", "--set", "circuit.name=ring.py:Ring")
    assert "ring.py" not in sys.modules


def test_the_command_line_names_it(tuneful, refused, ring, toy_data, monkeypatch):
    place = "ring.py:Ring"
    monkeypatch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
    monkeypatch.setattr("tuneful.cli.commands.simulate", lambda circuit, n, key: toy_data)
    assert tuneful("report", "run", "--circuit", place, "--out", "page.html") == (0, "report: page.html\n", "")
    assert tuneful("simulate", place, "--run", "run", "--out", "a.csv")[0] == 0
    assert tuneful("simulate", place, "--set", "inputs=2", "--out", "b.csv")[0] == 0
    assert "This is a run of the circuit 'ring" in refused("simulate", "m1", "--run", "run", "--out", "c.csv")
    assert resolve("run/config.json", {"circuit": place}, []).code["circuit"].place == place
    assert "m1 is of the circuit 'm1', not of ring.py:Ring" in refused("fit", "m1", "--circuit", place)


def test_other_runs_have_no_circuit_to_name(refused, tmp_path, monkeypatch):
    monkeypatch.setattr("tuneful.runs.folder.RunFolder.kind", lambda folder: KIND)
    assert "soc-0 is no fit: --circuit and --objective do not" in refused(
        "report", "soc-0", "--circuit", "my.py:Ring"
    )


def test_code_that_has_changed_is_said_and_refused_on_resume(refused, ring):
    command = ("fit", "run/config.json", "--circuit", "ring.py:Ring", "--out", "run", "--resume")
    assert "was started with another seed" in refused(*command, "--seed", 1)
    Path("ring.py").write_text(Path("ring.py").read_text() + "# another\n")
    assert "The code of ring.py:Ring is not that with which the run began (another SHA-256)" in refused(*command)
    with pytest.warns(UserWarning, match=r"The code of ring\.py:Ring is not that with which the run began"):
        Fit.load("run")


def test_in_python_it_is_imported_or_given(ring):
    with pytest.raises(UserError, match=r"import it first, or give circuit=Ring\(\)"):
        Fit.load("run")
    own = named("circuit", "ring.py:Ring")
    fits = [Fit.load("run", circuit=given) for given in (None, own, own(), "ring.py:Ring")]
    assert all(fit.params_ == fits[0].params_ and type(fit.circuit_) is own for fit in fits)
    with pytest.raises(UserError, match="This is a run of the circuit 'ring', and m1 is 'm1'"):
        Fit.load("run", circuit="m1")


def test_modules_that_are_imported_by_name(ring):
    assert named("circuit", "ring:Ring").label == "ring"
    assert own_code.code_of("circuit", made("circuit", "ring:Ring")).place == "ring:Ring"
    assert named("circuit", "ring.py:Ring") is named("circuit", "ring:Ring"), "a file is run once"
    assert own_code.code_of("circuit", FeedforwardM1()) is None


def test_a_circuit_by_its_name_or_class():
    assert made("circuit", "m1") == FeedforwardM1() == made("circuit", FeedforwardM1)
    assert made("objective", "energy") == EnergyDistance()


def test_a_class_of_a_session_has_no_file_to_name():
    code = own_code.Code(place="__main__:Ring")
    with pytest.raises(
        UserError, match=r"add --circuit FILE\.py:Ring; in Python import it first, or give circuit=Ring"
    ):
        own_code.require("circuit", "ring", code)


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("drive - self.phi", "d - self.phi", r"Ring cannot draw and respond: NameError in line \d+: name 'd' is not"),
        ("rates[None]", "rates[None, :3]", r"shape \(1, 3\) and settled of shape \(\), where .* rates \(cells, 8\)"),
    ],
)
def test_mistakes_in_a_circuit_are_one_sentence_before_the_first_step(ring, right, wrong, message):
    Path("ring.py").write_text(RING.replace(right, wrong))
    with pytest.raises(UserError, match=message):
        simulate(made("circuit", "ring.py:Ring"), 5, 0)


def test_what_is_to_be_copied_to_a_shell_is_quoted():
    code = own_code.Code(place="a b; rm.py:Ring", sha256="0")
    with pytest.raises(UserError, match=r"add --circuit 'a b; rm\.py:Ring';"):
        own_code.require("circuit", "ring", code)
    with pytest.raises(UserError, match=r"code\.circuit\.place = 'my.py:Ring; rm' is not valid"):
        parse(RunConfig, {"circuit": "ring", "code": {"circuit": {"place": "my.py:Ring; rm"}}}, "mine.toml")


def test_penalties_of_its_file_come_with_a_circuit(ring):
    with open("ring.py", "a") as file:
        file.write(PENALTY)
    config = parse(RunConfig, {"circuit": "ring", "penalties": {"gain": {"weight": 3}}}, "here")
    _, _, (penalty,) = config.components("ring.py:Ring")
    assert (penalty.label, penalty.weight) == ("gain", 3)


def test_labels_that_two_have_are_nobodys(ring, tmp_path):
    assert "ring" not in circuits()
    named("circuit", "ring.py:Ring")
    (tmp_path / "other.py").write_text((tmp_path / "ring.py").read_text())
    with pytest.raises(UserError, match="is not found by its label 'ring': give it one that no other"):
        named("circuit", "other.py:Ring")
    del sys.modules["other.py"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("none.py:Ring", "There is no file none.py"),
        ("nowhere.ring:Ring", "There is no module nowhere.ring"),
        ("../ring:Ring", "../ring is neither a file that ends in .py nor the name of a module"),
        ("ring.py", "ring.py names no class: write ring.py:CLASS"),
        ("ring.py:", "ring.py: names no class: write ring.py:CLASS"),
        ("ring.py:Rnig", "There is no class 'Rnig' in ring.py. Did you mean 'Ring'?"),
        ("ring.py:helper", "ring.py:helper is no circuit: a class of circuits derives from tuneful.circuits.Abs"),
        ("ring.py:EnergyDistance", "ring.py:EnergyDistance is no circuit"),
        ("ring.py:Half", "ring.py:Half is not a whole circuit yet: it lacks at_conditions, conditions, draw, exa"),
        ("neighbour.py:A", "There is no class 'A' in neighbour.py. It has no circuit at all."),
        ("broken.py:A", "broken.py cannot be imported: ZeroDivisionError in line 2: division by zero."),
        ("typo.py:A", "typo.py cannot be imported: SyntaxError in line 1: "),
        ("exits.py:A", "exits.py cannot be imported: SystemExit in line 2: 3."),
        ("lacks.py:A", "lacks.py cannot be imported: ModuleNotFoundError in line 1: No module named 'not_there'."),
        ("m1.py:Ring", "m1.py:Ring is not found by its label 'm1': give it one that no other circuit has"),
        ("slash.py:Ring", "slash.py:Ring needs a label of letters, digits and dashes"),
    ],
)
def test_every_mistake_is_one_sentence(ring, tmp_path, place, message):
    files = {"broken": "\n1 / 0", "typo": "def", "exits": "import sys\nsys.exit(3)", "lacks": "import not_there"}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    for name, label in (("m1", "m1"), ("slash", "a/b")):
        (tmp_path / f"{name}.py").write_text(RING.replace('"ring"', f'"{label}"'))
    with pytest.raises(UserError) as error:
        named("circuit", place)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    for name in ("m1.py", "slash.py"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("given", [3, FeedforwardM1, FeedforwardM1(), "energie"])
def test_what_is_no_objective(given):
    with pytest.raises(UserError, match="objective"):
        Fit("m1", given)
