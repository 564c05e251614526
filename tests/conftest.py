"""Fixtures that find the recordings and the oracle numbers, which live outside the repository."""

import json
import os
from pathlib import Path

import jax
import pytest
from hypothesis import settings

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
