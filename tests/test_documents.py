"""Sessions, links and examples of README and docs hold."""

import doctest
import re
import runpy
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "results").glob("*.md")),
]


@pytest.fixture(autouse=True)
def _flags_of_readers():
    """Readers broadcast as NumPy does; what the tests of the package refuse is not refused to them."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_sessions_in_documents(path):
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert failed == 0


NOTEBOOKS = [path for path in sorted((ROOT / "examples").glob("*.py")) if "# %%" in path.read_text()]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_examples_run(path, capsys):
    names = runpy.run_path(str(path))
    rows = names["fit"].result_["parameters"].values()
    assert all(abs(row["value"] / row["truth"] - 1) < 0.25 for row in rows)
    assert "fitted" in capsys.readouterr().out


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_to_files_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target
