"""Scripts of job arrays are shell, ask for what was asked, and give every task its job. No scheduler runs here."""

import os
import subprocess
from pathlib import Path

import pytest

from tuneful.errors import UserError
from tuneful.runs.studies.array_scripts import array_script
from tuneful.runs.studies.jobs import Job, Standing, State
from tuneful.runs.studies.study_run import Account

NUMBERS = {"slurm": "SLURM_ARRAY_TASK_ID", "pbs": "PBS_ARRAY_INDEX", "sge": "SGE_TASK_ID"}
ASKED = {"time": "01:30:00", "memory": 6, "cores": 2}


def account(*states):
    jobs = [(Job(i, "curves", {}, {"seed": 0}), Standing(state)) for i, state in enumerate(states)]
    return Account(Path("/data/my study"), jobs)


def tasks(script, scheduler, numbers, tmp_path):
    """The jobs that tasks of these numbers run, of a stand-in for the program."""
    (tmp_path / "program").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "program").chmod(0o755)
    lines = script.splitlines()
    lines[-1] = lines[-1].replace(lines[-1].split()[0], str(tmp_path / "program"), 1)
    said = []
    for number in numbers:
        environment = os.environ | {NUMBERS[scheduler]: str(number)}
        run = subprocess.run(
            ["bash"], input="\n".join(lines), env=environment, capture_output=True, text=True, check=True
        )
        said.append(run.stdout.strip())
    return said


@pytest.mark.parametrize(("scheduler", "numbers"), [("slurm", (0, 1)), ("pbs", (0, 1)), ("sge", (1, 2))])
def test_every_task_has_its_job(scheduler, numbers, tmp_path):
    script = array_script(account(State.FINISHED, State.WAITING, State.FAILED), scheduler, **ASKED)
    found = tasks(script, scheduler, numbers, tmp_path)
    assert found == [f"-m tuneful study run-one /data/my study --index {index}" for index in (1, 2)]


@pytest.mark.parametrize(
    ("scheduler", "lines"),
    [
        ("slurm", ["--array=0-2", "--time=01:30:00", "--mem=6G", "--cpus-per-task=2", "--job-name=tuneful-my_stud"]),
        ("pbs", ["-J 0-2", "walltime=01:30:00", "select=1:ncpus=2:mem=6gb"]),
        ("sge", ["-t 1-3", "h_rt=01:30:00", "mem_free=6G", "-pe smp 2"]),
    ],
)
def test_it_asks_for_what_was_asked(scheduler, lines):
    script = array_script(account(*[State.WAITING] * 3), scheduler, **ASKED, options=["circuit=/my code/a.py:Ring"])
    asked = [line for line in script.splitlines() if line.startswith(("#SBATCH", "#PBS", "#$"))]
    for wanted in lines:
        assert sum(line.endswith(wanted) for line in asked) == 1, wanted
    assert "--circuit '/my code/a.py:Ring'" in script
    assert "jobs=(" not in script


def test_pbs_takes_no_array_of_one(tmp_path):
    script = array_script(account(State.FINISHED, State.WAITING), "pbs", **ASKED)
    assert "-J" not in script
    assert tasks(script, "pbs", [""], tmp_path) == ["-m tuneful study run-one /data/my study --index 1"]


@pytest.mark.parametrize(
    ("scheduler", "time", "states", "sentence"),
    [
        ("slrm", "01:00:00", [State.WAITING], "no scheduler 'slrm'. Did you mean 'slurm'"),
        ("slurm", "1h", [State.WAITING], "is not of the form HH:MM:SS"),
        ("slurm", "01:00:00", [State.FINISHED], "nothing to submit"),
    ],
)
def test_what_cannot_be_submitted_is_refused(scheduler, time, states, sentence):
    with pytest.raises(UserError, match=sentence):
        array_script(account(*states), scheduler, time, 1, 1)
