"""`tuneful study` from its file to its page, in this process; a descent that was interrupted, and one damaged."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tuneful.fitting import stochastic

RING = Path(__file__).parents[2] / "examples" / "ring.py"  # a circuit of one's own, which compiles soon
OWN = ("--circuit", f"{RING}:Ring")
STUDY = """
model = "ring.toml"
seeds = [0, 1]
[settings]
data.simulate = 20
[settings.fit]
batch = 16
max_steps = 4
evaluation_curves = 20
final_curves = 20
checkpoint_every = 1
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "ring.toml").write_text('circuit = "ring"\n')
    (tmp_path / "s.toml").write_text(STUDY)
    return "s.toml"


def found(run):
    return json.loads((run / "result.json").read_text())["parameters"]


def test_from_the_file_to_the_page(tuneful, refused, file, tmp_path, quick_report, monkeypatch):
    """The first job is interrupted after its second step, and its states are damaged before it goes on."""
    advance, steps = stochastic.advance, []

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return advance(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("tuneful.fitting.stochastic.advance", interrupted)
        code, _, err = tuneful("study", "run", file, "--out", "o", "--workers", 0, *OWN)
    assert (code, err.splitlines()[-1]) == (
        130,
        "Interrupted. The same command goes on from what is finished and saved.",
    )
    run = tmp_path / "o" / "runs" / "00000"
    states = list(run.glob("checkpoints/*/arrays.npz"))
    assert states
    for path in states:
        path.write_bytes(path.read_bytes()[:200])

    code, out, err = tuneful("study", "run", file, "--out", "o", "--workers", 0, *OWN)
    assert (code, out.splitlines()[0]) == (1, "o: 1 finished, 1 failed, of 2 jobs")
    assert "1 of 2   00000  failed: The checkpoint " in err
    assert "cannot be read (it is not as it was written)" in err
    assert tuneful("study", "status", "o")[:2] == (1, out)
    assert "run-one" in tuneful("study", "script", "o", "--scheduler", "slurm")[1]

    code, out, _ = tuneful("study", "retry", "o", "--workers", 0, *OWN)
    assert (code, out) == (0, "o: 2 finished, of 2 jobs\n")
    assert tuneful("fit", "o/runs/00000/config.json", "--out", "alone", *OWN)[0] == 0
    assert found(run) == found(tmp_path / "alone")
    assert tuneful("study", "run-one", "o", "--index", 1, *OWN)[:2] == (0, "00001  finished\n")
    assert refused("study", "run-one", "o", "--index", 2) == "o has no job 2: the first is 0, the last 1."
    code, out, _ = tuneful("study", "collect", "o")
    assert (code, out) == (0, "report: o/collected/report.html\n")
    assert "nothing to submit" in refused("study", "script", "o", "--scheduler", "slurm")
    assert "begun with another seeds" in refused_other(refused, tmp_path)


def refused_other(refused, tmp_path):
    (tmp_path / "s.toml").write_text(STUDY.replace("[0, 1]", "[0, 2]"))
    return refused("study", "run", "s.toml", "--out", "o")


def test_a_study_that_cannot_be_run_leaves_nothing(refused, file, tmp_path):
    said = refused("study", "run", file, "--out", "new", "--set", "fit.batch=0", "--workers", 0, *OWN)
    assert said.startswith("s.toml, job 0: command line: fit.batch = 0 is not valid")
    assert not (tmp_path / "new").exists()


def test_a_plan_is_written_without_a_run(tuneful, file):
    code, out, _ = tuneful("study", "run", file, "--out", "o", "--plan-only", "--workers", 0, *OWN)
    assert (code, out) == (0, "o: 2 waiting, of 2 jobs\n")


def test_whoever_looks_after_a_study_loads_no_jax():
    script = "import sys, tuneful.cli.studying; print({'jax', 'xarray', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
