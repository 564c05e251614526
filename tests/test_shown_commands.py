"""What README and docs show runs as it is written: commands, snippets, tables and sections of configurations."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tuneful as package
from tuneful.objectives import EnergyDistance
from tuneful.readers import load
from tuneful.runs.presets import resolve
from tuneful.runs.studies.study_settings import study_from
from tuneful.solvers import Status
from tuneful.solvers.steady_states import SteadyState

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "results").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples" / "tables" / "README.md",
]
FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NOT_RUN = {
    "make demo": "sets up an environment, and fits for minutes",
    "make test": "sets up an environment, and runs this",
    "make docs": "sets up Sphinx; .ci/run does",
    "pip install .": "changes the environment",
}
SHELL = {"cp": "cp", "python": sys.executable}  # programs besides tuneful

# Less of everything, in options that are added to commands: the same code in seconds.
LESS_OF_CIRCUIT = {
    "ssn": ["circuit.n_sites=11"],
    "recurrent": ["circuit.n_sites=11"],
    "m1": ["circuit.grid=5", "circuit.density=0.1"],
}
LESS_OF_FIT = [
    "fit.batch=20", "fit.max_steps=2", "fit.refine_steps=0", "fit.evaluation_curves=20", "fit.final_curves=20",
    "fit.prediction_curves=20",
]  # fmt: skip

NAMES_OF_SNIPPETS = """
from typing import Any, ClassVar, final
import equinox as eqx, jax.numpy as jnp, tuneful
from jax import Array
from tuneful.circuits import AbstractCircuit, Response
from tuneful.objectives import AbstractPenalty
"""


@pytest.fixture(autouse=True)
def _flags_of_readers():
    """Readers broadcast as NumPy does; what the tests of the package refuse is not refused to them."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture
def clone(tmp_path, monkeypatch, quick_report):
    """What commands find in a fresh clone, recordings that need no download, and circuits that compile at once."""
    for folder in ("examples", "src/tuneful/runs/preset_files"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "recordings").mkdir()
    rates = load(ROOT / "examples" / "tables" / "curves.csv")["rate"]
    np.savetxt(tmp_path / "recordings" / "TuningCurves_Pronation.dat", rates, delimiter=",")
    monkeypatch.setattr("tuneful.readers.sources.fetch_lalazar", lambda: tmp_path / "recordings")
    monkeypatch.setattr("tuneful.circuits.supralinear_dynamics.steady_state", few_steps)
    monkeypatch.setattr("tuneful.cli.watching.asked_to_stop", lambda: True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def few_steps(drive, args, tau, rest, **_):
    """Stands in for the search of a steady state, most of what an SSN compiles, which has tests of its own."""
    rates, _ = jax.lax.scan(lambda r, _: (r + 0.1 * (drive(r, args) - r), None), rest, length=10)
    problems, none = rest.shape[:-1], jnp.zeros((), jnp.int32)
    return SteadyState(rates, jnp.full(problems, True), jnp.zeros(problems), jnp.full(problems, Status.SETTLED), none)


def commands(text):
    """The commands of a block, without comments."""
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def with_less(words):
    """A command of tuneful, with options that leave out most of the work."""
    _, command, *rest = words
    if command == "fit" and not rest[0].endswith(".json"):  # the configuration of a run has what it was run with
        less = LESS_OF_CIRCUIT.get(resolve(rest[0], {}, []).circuit["name"], []) + LESS_OF_FIT
        rest += settings(less + ["data.simulate=40"] * ("--data" not in rest), rest)
    elif command == "study" and rest[0] == "run":
        rest += settings([*LESS_OF_CIRCUIT["m1"], *LESS_OF_FIT, "data.simulate=40"], rest)
        own = rest.index("--workers") if "--workers" in rest else len(rest)
        rest[own : own + 2] = ["--workers", "0"]  # which needs no further process
    elif command == "simulate":
        rest += settings(LESS_OF_CIRCUIT.get(rest[0], []), rest) + ["--n", "40"] * ("--n" not in rest)
    elif command == "design":
        rest += ["--curves", "48"]
    elif command == "goodness":
        rest += ["--sets", "19", "--curves", "100"]
    elif command == "compare":
        rest += ["--folds", "2", "--steps", "2", "--curves", "200"]
    elif command == "places":
        rest += ["--curves", "192"]
    elif command == "predict":
        rest += ["--draws", "10", "--curves", "24", "--networks", "2"]
    elif command == "watch":
        rest += ["--no-browser"]
    elif command == "infer":
        rest += ["--curves", "48"]
    elif command == "stabilize" and "--n" in rest:
        rest[rest.index("--n") + 1] = "100"
    elif command == "stabilize" and "--weights" not in rest:
        rest += ["--n", "100"]
    return [command, *rest]


def settings(items, given):
    """Options for these settings, but for those that a command sets itself."""
    own = {word.partition("=")[0].split(".")[-1] for word in given}
    return [word for item in items if item.partition("=")[0].split(".")[-1] not in own for word in ("--set", item)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_documents_show_runs(path, clone, tuneful, toy, toy_data, monkeypatch):
    """Commands, snippets, tables and sections of configurations, in their order, as in a fresh clone."""
    snippets = {
        "circuit": toy, "key": jax.random.key(0), "z": toy.draw(jax.random.key(0)), "n": 2,
        "objective": EnergyDistance(), "dataset": toy_data,
    }  # fmt: skip
    exec(NAMES_OF_SNIPPETS, snippets)
    fit = package.Fit
    quick = partial(fit, max_steps=2, batch=8, final_curves=20)
    quick.load = fit.load
    monkeypatch.setattr(package, "Fit", quick)
    for language, text in FENCED.findall(path.read_text()):
        if language == "python" and ">>>" not in text:
            exec(text, snippets)
        elif language == "csv":
            Path("shown.csv").write_text(text)
            load("shown.csv")
        elif language == "toml":
            check_section(text)
        elif language == "sh":
            for words in commands(text):
                run(words, tuneful)
        elif language.startswith("{"):
            continue  # of the site: cells run when it is built
        elif language == "":
            assert not re.search("^(tuneful|python|make|pip) ", text, re.MULTILINE), "commands are blocks of sh"
        else:
            assert language == "python", f"{path.name} has a block of {language}: say here how it is run"


def check_section(text):
    """A part of a configuration can be used."""
    if "model =" in text:  # a study
        study_from(tomllib.loads(text), "shown.toml")
    elif "entry-points" not in text:  # which are those of somebody's package
        Path("shown.toml").write_text(f'circuit = "ssn"\n{text}')
        resolve("shown.toml", {}, []).components()
    assert tomllib.loads(text)


def run(words, tuneful):
    """Run a command; one that is neither of tuneful nor of the shell must be named above, with the reason."""
    if words[0] == "tuneful":
        code, _, err = tuneful(*with_less(words))
        assert code == 0, f"{shlex.join(words)}: {err}"
    elif words[0] in SHELL:
        subprocess.run([SHELL[words[0]], *words[1:]], check=True)
    else:
        assert shlex.join(words) in NOT_RUN


def test_commands_that_are_not_run_are_shown_somewhere():
    shown = "\n".join(path.read_text() for path in DOCUMENTS)
    assert all(command in shown for command in NOT_RUN)
