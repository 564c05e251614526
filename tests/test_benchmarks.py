"""Every benchmark runs in its quick form, and its numbers are JSON."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
SHARED = {"reporting.py", "formats.py", "many_devices.py", "mutations.py"}  # all else in the folder is a benchmark
BENCHMARKS = [path for path in sorted(FOLDER.glob("*.py")) if path.name not in SHARED]
OTHERWISE = [  # what published numbers were measured with beside the defaults, where other code runs
    "design.py --circuit ssn --for sigma",
    "inference.py --circuit m1 --hold sigma_l --away 0.2",
    "inference.py --circuit ssn",
    "neural_posterior.py --circuit recurrent",
    "v1.py --changes input_strength baseline",
    "v1.py --means",
]


def run(path, *arguments):
    command = [sys.executable, str(path), "--quick", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def numbers(value):
    """All numbers of a report, wherever they are."""
    if isinstance(value, dict | list):
        return [n for part in (value.values() if isinstance(value, dict) else value) for n in numbers(part)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_a_benchmark_says_how_it_is_run(path):
    assert f"python benchmarks/{path.name}" in (ast.get_docstring(ast.parse(path.read_text())) or "")


@pytest.mark.parametrize("command", [*(path.name for path in BENCHMARKS), *OTHERWISE])
def test_the_quick_form_writes_numbers(command, tmp_path):
    name, *options = command.split()
    done = run(FOLDER / name, *options, "--json", tmp_path / "numbers.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "numbers.json").read_text(), parse_constant=pytest.fail)  # Infinity is not JSON
    assert len(numbers(report)) > 5


def test_a_file_that_exists_is_not_replaced_unasked(tmp_path):
    (tmp_path / "mine.json").write_text("mine")
    done = run(FOLDER / "m1_cells.py", "--json", tmp_path / "mine.json")
    assert done.returncode == 2
    assert "--overwrite replaces it" in done.stderr
    assert (tmp_path / "mine.json").read_text() == "mine"


def test_repeated_experiments_are_kept_and_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    kept, file, done = importlib.import_module("reporting").kept, tmp_path / "kept.jsonl", []

    def one(number):
        done.append(number)
        return {"value": np.float32(number), "open": np.inf}

    rows = kept(file, {"units": 4}, range(2), one)
    file.write_text(file.read_text() + '{"number": 2, "val')  # a kill in the middle of a line
    again = kept(file, {"units": 4}, range(3), one)
    assert again == [*rows, {"value": 2.0, "open": None}]
    assert done == [0, 1, 2]
    assert len(file.read_text().splitlines()) == 4
    with pytest.raises(SystemExit, match="begun with other settings"):
        kept(file, {"units": 5}, range(3), one)
