"""What an import costs: `import tuneful` and the help of the command line load nothing heavy."""

import subprocess
import sys

import pytest

import tuneful

HEAVY = {"jax", "xarray", "matplotlib", "pandas", "pydantic", "numpy", "equinox", "optax", "scipy", "rich"}

ELSEWHERE = {"matplotlib", "pandas", "jinja2", "pooch", "tqdm", "xarray"}  # plots, tables and files


def loaded_by(statement: str) -> set[str]:
    """The packages that a new process has loaded after a statement."""
    script = f"import sys; {statement}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import tuneful",
        "import tuneful.cli.main",
        "import tuneful; dir(tuneful), tuneful.__version__",
        "import tuneful; dir(tuneful.plot)",
        "import typer.testing, tuneful.cli.main as c; typer.testing.CliRunner().invoke(c.app, ['fit', '--help'])",
    ],
)
def test_nothing_heavy_is_imported(statement):
    """Typer itself may load pydantic once a command runs."""
    loaded = loaded_by(statement)
    assert "tuneful" in loaded
    assert HEAVY & loaded <= ({"pydantic"} if "invoke" in statement else set())


def test_what_computes_loads_no_library_of_files_and_plots():
    """xarray is loaded with the first dataset, and with it pandas."""
    assert not ELSEWHERE & loaded_by("import tuneful.curves, tuneful.circuits, tuneful.objectives")


def test_readers_of_curves_and_weights_load_no_jax():
    loaded = loaded_by("import tuneful.cli.data_commands")
    assert "xarray" in loaded
    assert not {"jax", "equinox", "optax", "matplotlib"} & loaded


def test_a_fit_loads_no_plots_before_its_page():
    loaded = loaded_by("import tuneful.runs.running")
    assert "jax" in loaded
    assert not {"matplotlib", "PIL"} & loaded


def test_pictures_of_numbers_load_no_jax():
    """Those of networks compute what they show."""
    shown = "comparison correlations curves design distances distribution goodness intervals loss means predicted"
    names = ", ".join(f"tuneful.plot.{name}" for name in shown.split())
    loaded = loaded_by(f"import tuneful; {names}")
    assert "matplotlib" in loaded
    assert not {"jax", "equinox"} & loaded


def test_public_names_are_there():
    assert dir(tuneful) == sorted(tuneful.__all__)
    for name in tuneful.__all__:
        assert getattr(tuneful, name) is not None


def test_unknown_names_are_refused_as_usual():
    with pytest.raises(AttributeError, match="module 'tuneful' has no attribute 'fit_everything'"):
        _ = tuneful.fit_everything
