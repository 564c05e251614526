"""The conventions of CONTRIBUTING.md that a machine can check."""

import ast
import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tuneful

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "tuneful"
TESTS = ROOT / "tests"
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = [str(path.relative_to(SOURCE)) for path in FILES]
MODULES = [m.name for m in pkgutil.walk_packages(tuneful.__path__, "tuneful.")]
FORBIDDEN_NAMES = {"utils", "util", "misc", "common", "helpers", "helper", "base_utils", "tools"}
WITHOUT_SOURCE = ("contract", "reference", "browser")  # folders of tests that belong to no one folder of the source
SENTENCE_ASKED = re.compile(r"(stopped|reason|message|ending|outcome)\w*[\"'\])]*\.startswith\(")
# What does not hold yet: these two sets only shrink.
NOT_YET_MOVED = {"runs/test_resume.py"}
ASKED_FOR_WORDS: set[str] = set()
Function = ast.FunctionDef | ast.AsyncFunctionDef

every_file = pytest.mark.parametrize("path", FILES, ids=NAMES)


def functions(path):
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function)]


def length_without_docstring(function):
    total = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        total -= first.end_lineno - first.lineno + 1
    return total


def test_imports_go_leftwards():
    """The contracts of import-linter in pyproject.toml."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@every_file
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) < 400


@every_file
def test_functions_are_short(path):
    too_long = {f.name: length_without_docstring(f) for f in functions(path) if length_without_docstring(f) >= 60}
    assert not too_long


@every_file
def test_no_file_is_a_drawer_for_everything(path):
    assert not FORBIDDEN_NAMES & {path.stem, path.parent.name}


@every_file
def test_whatever_is_public_is_documented(path):
    """Modules, classes, functions and methods; a method that only fulfils a documented contract may be silent."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
            inherits = isinstance(node, ast.ClassDef) and node.bases
            for member in [] if inherits else getattr(node, "body", []):
                if isinstance(node, ast.ClassDef) and isinstance(member, Function) and member.name[0] != "_":
                    assert ast.get_docstring(member), f"{node.name}.{member.name}"


@every_file
def test_nothing_prints_but_the_command_line(path):
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    printing = [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id in ("print", "open", "input")]
    assert not printing or path.relative_to(SOURCE).parts[0] in ("readers", "runs", "cli")


@every_file
def test_numpy_draws_from_a_generator_only(path):
    """Global randomness would make a result depend on what ran before."""
    text = path.read_text()
    used = {
        line.split("np.random.")[1].split("(")[0].split(" ")[0] for line in text.splitlines() if "np.random." in line
    }
    assert {name.rstrip(":,)]|`") for name in used} <= {"default_rng", "Generator"}


@pytest.mark.parametrize("name", ["tuneful", *MODULES])
def test_examples_in_docstrings_hold(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.failed == 0


@every_file
def test_nothing_decides_by_the_words_of_a_sentence(path):
    """Why something ended is an `Outcome`; its sentence is for people."""
    found = {line.strip() for line in path.read_text().splitlines() if SENTENCE_ASKED.search(line)}
    assert found <= ASKED_FOR_WORDS


def test_every_folder_of_tests_is_one_of_the_source():
    folders = {path.parent.relative_to(TESTS).parts[:1] for path in TESTS.rglob("test_*.py")}
    known = {(path.name,) for path in SOURCE.iterdir() if path.is_dir()} | {(), *((name,) for name in WITHOUT_SOURCE)}
    assert folders <= known


def test_every_test_file_has_its_source_file():
    """tests/x/test_y.py is about src/tuneful/x/y.py."""
    files = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    files = {path for path in files if len(path.parts) > 1 and path.parts[0] not in WITHOUT_SOURCE}
    sources = {path: SOURCE / path.parent / path.name.removeprefix("test_") for path in files}
    assert {str(path) for path, source in sources.items() if not source.exists()} <= NOT_YET_MOVED


def test_the_table_of_the_house_names_every_room():
    """CONTRIBUTING.md, of which a line begins with the names of rooms."""
    rows = [line.split("|")[1] for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if line[:3] == "| `"]
    named = [name.removesuffix("/") for row in rows for name in re.findall("`(.+?)`", row)]
    rooms = [p.name for p in SOURCE.iterdir() if p.name[0] != "_" and (p.suffix == ".py" or any(p.glob("*.py")))]
    assert sorted(named) == sorted(rooms)
