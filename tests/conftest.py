"""Fixtures that find the recordings and the oracle numbers, and a fit that takes a moment."""

import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pooch
import pytest
from hypothesis import settings

from tuneful.circuits import AbstractCircuit, FeedforwardM1, Positive, Response, parameter
from tuneful.fitting.simulation import simulate
from tuneful.fitting.unconstrained import parameter_values
from tuneful.objectives import EnergyDistance

# Shapes and types that fit by accident are errors.
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# A shared machine is slow at times: how long one example takes says nothing about the code.
settings.register_profile("tuneful", deadline=None)
settings.load_profile("tuneful")

TESTS = Path(__file__).resolve().parent

# Most of the time of the tests is compilation, which takes a fifth without optimisation; how fast such small programs
# run hardly matters. `XLA_FLAGS= make test` compiles as users do, and so does .ci/run for the oracles and equal bits.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false")

# Workers, later runs and the processes that tests start share what was compiled, in a folder that `make clean` drops.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(TESTS.parent / ".pytest_cache" / "compiled"))
jax.config.update("jax_compilation_cache_dir", os.environ["JAX_COMPILATION_CACHE_DIR"])
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


@pytest.fixture(scope="module", autouse=True)
def _forget_compiled_programs():
    """Every compiled program holds memory maps, of which a process may have 65,530: some 1,500 tests need more."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True)
def _forget_files_that_were_run():
    """A file that a test had run as somebody's own code is a module of its path: the next test is another process."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.endswith(".py"):
            del sys.modules[name]


@pytest.fixture(scope="session")
def lalazar() -> Path:
    """The folder of the Lalazar recordings, which are not in this repository (see CONTRIBUTING.md)."""
    named = os.environ.get("TUNEFUL_LALAZAR")
    beside = TESTS.parents[1].glob("*/data/lalazar2016")
    folders = [Path(named)] if named else [Path(pooch.os_cache("tuneful")) / "lalazar2016", *sorted(beside)]
    for folder in folders:
        if (folder / "TuningCurves_Pronation.dat").exists():
            return folder
    pytest.skip(
        "the recordings of Lalazar et al. 2016 are not here: set TUNEFUL_LALAZAR to their folder, or download them "
        "with tuneful.load('lalazar2016')"
    )


@pytest.fixture(scope="session")
def mossing() -> Path:
    """The folder of the recordings of Mossing et al. 2021, which are not in this repository."""
    for folder in sorted(TESTS.parents[1].glob("*/data/mossing2021")):
        if (folder / "size_contrast_still.csv.gz").exists():
            return folder
    pytest.skip(
        "the recordings of Mossing et al. 2021 are not here: put them into data/mossing2021 in a folder beside"
    )


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Any]:
    """`reference("m1_statistics")`: oracle numbers out of the JSON file of that name in tests/reference."""
    return lambda name: json.loads((TESTS / "reference" / f"{name}.json").read_text())


@pytest.fixture
def x64():
    """Double precision for one test."""
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


# One number of curves everywhere, so that one program draws them all.
SETTINGS = {
    "batch": 8, "max_steps": 6, "evaluate_every": 3, "checkpoint_every": 2,
    "evaluation_curves": 20, "final_curves": 20,
}  # fmt: skip


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
        rates = self.a * (z + self.b * jnp.array(self.sizes)[None])
        return Response(rates, jnp.array(True), jnp.zeros(()), rates)

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


@final
class Kinds(AbstractCircuit):
    """E and I cells at several places: rates a * (r + size / 2) and b * (r + 1 / size), r exponential."""

    label = "kinds"

    a: jax.Array = parameter(symbol="a", unit="Hz", constraint=Positive(), default=1.0, meaning="scale of E cells")
    b: jax.Array = parameter(symbol="b", unit="Hz", constraint=Positive(), default=1.0, meaning="scale of I cells")
    sizes: tuple[float, ...] = eqx.field(static=True, default=(1.0, 2.0, 4.0))
    places: tuple[float, ...] = eqx.field(static=True, default=(0.0,))

    def draw(self, key):
        return jax.random.exponential(key, (2, len(self.places), len(self.sizes)))

    def respond(self, z):
        mean = jnp.stack([jnp.array(self.sizes) / 2, 1 / jnp.array(self.sizes)])
        rates = (jnp.stack([self.a, self.b])[:, None, None] * (z + mean[:, None])).reshape(-1, len(self.sizes))
        return Response(rates, jnp.array(True), jnp.zeros(()), rates)

    def conditions(self):
        return {"size": np.array(self.sizes)}

    def populations(self):
        n = len(self.places)
        return {"cell_type": np.repeat(["E", "I"], n), "position": np.tile(self.places, 2)}

    def at_conditions(self, features):
        return dataclasses.replace(self, sizes=tuple(features["size"].tolist()))

    @classmethod
    def example(cls):
        return cls().with_values({"a": 2.0, "b": 6.0})


@pytest.fixture(scope="session")
def kinds():
    """A circuit that records cells of two types."""
    return Kinds()


@pytest.fixture(scope="session")
def toy_data(toy):
    """20 curves in three conditions."""
    return simulate(toy.example(), 20, jax.random.key(1))


@pytest.fixture(scope="session")
def tiny_circuit():
    return FeedforwardM1(grid=5, density=0.1)


@pytest.fixture(scope="session")
def tiny_objective():
    return EnergyDistance()


@pytest.fixture(scope="session")
def tiny_settings():
    """Settings of a fit of six steps."""
    return SETTINGS


@pytest.fixture(scope="session")
def tiny_data(tiny_circuit):
    """20 curves of the tiny circuit at known parameters."""
    known = parameter_values(FeedforwardM1.example())
    truth = tiny_circuit.with_values({name: known[name] for name in tiny_circuit.parameters()})
    return simulate(truth, 20, jax.random.key(1))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The same fit as a configuration file."""
    path = tmp_path_factory.mktemp("config") / "tiny.toml"
    path.write_text(
        'circuit = {name = "m1", grid = 5, density = 0.1}\nobjective = "energy"\n'
        "data = {simulate = 20}\n[fit]\n" + "".join(f"{key} = {value}\n" for key, value in SETTINGS.items())
    )
    return path


@pytest.fixture
def quick_report(monkeypatch):
    """Write an empty page: the report has tests of its own."""
    monkeypatch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))


@pytest.fixture
def tuneful(monkeypatch, capsys, tmp_path):
    """`tuneful("fit", "m1", ...)`: the command line in this process and an empty folder: (code, stdout, stderr)."""
    from tuneful.cli import main as cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tuneful.cli.commands.set_up_jax", lambda: None)

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


class NpzKeeper:
    """Keeps the last state as it would be kept on disk: plain arrays, and none of the objects around them."""

    def __init__(self):
        self._saved, self.steps = None, None

    def load(self, template):
        if self._saved is None:
            return None
        with np.load(io.BytesIO(self._saved)) as file:
            return jax.tree.unflatten(jax.tree.structure(template()), [file[name] for name in file.files])

    def keep(self, steps, pack, is_last):
        if is_last:
            packed = io.BytesIO()
            leaves = jax.tree.leaves(pack())
            assert all(isinstance(leaf, np.ndarray) for leaf in leaves)
            np.savez(packed, *leaves)
            self._saved, self.steps = packed.getvalue(), steps


@pytest.fixture
def keep():
    """A keeper that begins without a state."""
    return NpzKeeper()
