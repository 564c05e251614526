"""What an import costs: `import tuneful` and the help of the command line load nothing heavy."""

import subprocess
import sys

import pytest

import tuneful

HEAVY = {"jax", "xarray", "matplotlib", "pandas", "pydantic", "numpy", "equinox", "optax", "scipy", "rich"}


@pytest.mark.parametrize(
    "statement",
    [
        "import tuneful",
        "import tuneful.cli.main",
        "import tuneful; dir(tuneful), tuneful.__version__",
        "import typer.testing, tuneful.cli.main as c; typer.testing.CliRunner().invoke(c.app, ['fit', '--help'])",
    ],
)
def test_nothing_heavy_is_imported(statement):
    """Typer itself may load pydantic once a command runs."""
    script = f"import sys; {statement}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "tuneful" in loaded.split()
    assert HEAVY & set(loaded.split()) <= ({"pydantic"} if "invoke" in statement else set())


def test_public_names_are_there():
    assert dir(tuneful) == sorted(tuneful.__all__)
    for name in tuneful.__all__:
        assert getattr(tuneful, name) is not None


def test_unknown_names_are_refused_as_usual():
    with pytest.raises(AttributeError, match="module 'tuneful' has no attribute 'fit_everything'"):
        _ = tuneful.fit_everything
