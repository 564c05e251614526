"""Fixtures that find the recordings and the oracle numbers, and a fit that takes a moment."""

import dataclasses
import json
import os
from pathlib import Path
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import settings

from tuneful.circuits import AbstractCircuit, FeedforwardM1, Positive, Response, parameter
from tuneful.fitting.simulation import natural_values, simulate
from tuneful.objectives import EnergyDistance

# A shared machine is slow at times: how long one example takes says nothing about the code.
settings.register_profile("tuneful", deadline=None)
settings.load_profile("tuneful")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="module", autouse=True)
def _forget_compiled_programs():
    """Every compiled program holds memory maps, of which a process may have 65,530: some 1,500 tests need more."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def lalazar() -> Path:
    """The folder of the Lalazar recordings; TUNEFUL_LALAZAR names another place."""
    folder = Path(os.environ.get("TUNEFUL_LALAZAR", SHARED / "data" / "lalazar2016"))
    if not (folder / "TuningCurves_Pronation.dat").exists():
        pytest.skip(f"no recordings in {folder}: set TUNEFUL_LALAZAR to their folder")
    return folder


@pytest.fixture(scope="session")
def reference():
    """``reference("m1_statistics")``: oracle numbers out of the JSON file of that name."""

    def read(name: str):
        path = SHARED / "reference" / f"{name}.json"
        if not path.exists():
            pytest.skip(f"no oracle numbers: {path} does not exist")
        return json.loads(path.read_text())

    return read


@pytest.fixture
def x64():
    """Double precision for one test."""
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture(scope="module")
def quick_compilation():
    """Most of the time of small tests is compilation; speed of what is compiled does not matter."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


# One number of curves everywhere, so that one program draws them all.
SETTINGS = {"max_steps": 6, "evaluate_every": 3, "checkpoint_every": 2, "evaluation_curves": 20, "final_curves": 20}


@final
class Toy(AbstractCircuit):
    """Rates a * (r + b * size), r exponential: not installed by name, and compiled in no time."""

    label = "toy"

    a: jax.Array = parameter(symbol="a", unit="Hz", constraint=Positive(), default=2.0, meaning="scale")
    b: jax.Array = parameter(symbol="b", unit="", constraint=Positive(), default=0.5, meaning="slope")
    sizes: tuple[float, ...] = eqx.field(static=True, default=(1.0, 2.0, 4.0))
    cells: int = eqx.field(static=True, default=1)

    def draw(self, key):
        return jax.random.exponential(key, (self.cells, len(self.sizes)))

    def respond(self, z):
        rates = self.a * (z + self.b * jnp.array(self.sizes))
        return Response(rates, jnp.array(True), jnp.zeros(()), rates.max())

    def conditions(self):
        return {"size": np.array(self.sizes)}

    def at_conditions(self, features):
        return dataclasses.replace(self, sizes=tuple(features["size"].tolist()))

    @classmethod
    def example(cls):
        return cls().with_values({"a": 3.0})


@pytest.fixture(scope="session")
def toy():
    """A circuit of one's own."""
    return Toy()


@pytest.fixture(scope="session")
def toy_data(toy):
    """20 curves in three conditions."""
    return simulate(toy.example(), 20, jax.random.key(1))


@pytest.fixture(scope="session")
def tiny_circuit():
    return FeedforwardM1(grid=5, density=0.1)


@pytest.fixture(scope="session")
def tiny_objective():
    return EnergyDistance(batch=8)


@pytest.fixture(scope="session")
def tiny_settings():
    """Settings of a fit of six steps."""
    return SETTINGS


@pytest.fixture(scope="session")
def tiny_data(tiny_circuit):
    """20 curves of the tiny circuit at known parameters."""
    known = natural_values(FeedforwardM1.example())
    truth = tiny_circuit.with_values({name: known[name] for name in tiny_circuit.parameters()})
    return simulate(truth, 20, jax.random.key(1))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The same fit as a configuration file."""
    path = tmp_path_factory.mktemp("config") / "tiny.toml"
    path.write_text(
        'circuit = {name = "m1", grid = 5, density = 0.1}\nobjective = {name = "energy", batch = 8}\n'
        "data = {simulate = 20}\n[fit]\n" + "".join(f"{key} = {value}\n" for key, value in SETTINGS.items())
    )
    return path


@pytest.fixture
def quick_report(monkeypatch):
    """Write an empty page: the report has tests of its own."""
    monkeypatch.setattr("tuneful.runs.estimator.write_report", lambda content, path: path.write_text("<html>"))


@pytest.fixture
def tuneful(monkeypatch, capsys, tmp_path):
    """`tuneful("fit", "m1", ...)`: the command line in this process and an empty folder: (code, stdout, stderr)."""
    from tuneful.cli import main as cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tuneful.cli.commands._set_up_jax", lambda precision: None)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["tuneful", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return call


@pytest.fixture
def refused(tuneful):
    """`refused("fit", "m1", ...)`: the one sentence of a command that must end with exit code 2."""

    def call(*arguments):
        code, _, err = tuneful(*arguments)
        assert code == 2, err
        last = err.strip().splitlines()[-1]
        assert last.startswith("Error: ")
        assert "Traceback" not in err
        assert err.count("Error: ") == 1
        return last.removeprefix("Error: ")

    return call
