"""How a job stands is read off its folder, whatever was left there."""

import json
import os
import socket

import pytest

from tuneful.runs.folder import FAILURE, RESULT, RunFolder
from tuneful.runs.lock import HOLDER
from tuneful.runs.studies.jobs import Job, State, standing_of


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


def write(run, name, content):
    (run.path / name).write_text(json.dumps(content))


def result(value=1.0, outcome="converged"):
    return {"outcome": outcome, "parameters": {"J": {"value": value, "symbol": "J"}}}


def test_from_nothing_to_a_result(run):
    assert standing_of(run) == (State.WAITING, "")
    write(run, "config.json", {})
    assert standing_of(run) == (State.INTERRUPTED, "")
    write(run, FAILURE, {"why": "no"})
    assert standing_of(run) == (State.FAILED, "no")
    write(run, RESULT, result())
    assert standing_of(run) == (State.FINISHED, "")


def test_who_runs_it_is_told_while_that_process_lives(run):
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": "2026"}
    write(run, HOLDER, holder)
    assert standing_of(run) == (State.RUNNING, f"process {os.getpid()} on {socket.gethostname()} since 2026")
    write(run, HOLDER, holder | {"process": 2**22 + 1})  # above the largest number of a process
    assert standing_of(run).state is State.WAITING
    write(run, HOLDER, holder | {"process": 2**22 + 1, "host": "elsewhere"})
    assert standing_of(run).state is State.RUNNING
    for damage in (["?"], {"host": "elsewhere"}):
        write(run, HOLDER, damage)
        assert standing_of(run).state is State.WAITING


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (result(None), "J is not a finite number"),
        (result(10**400), "J is not a finite number"),
        (result([1.0, [None]]), "J is not a finite number"),
        (result(outcome="not_finite"), "broke off: the next value would not have been a number"),
        (result(outcome="stalled") | {"stopped": "it went nowhere"}, "broke off: it went nowhere"),
        (result(outcome="?"), "result.json is damaged"),
        ([], "result.json is damaged"),
        ({"outcome": "reached", "parameters": [1]}, "result.json is damaged"),
    ],
)
def test_a_result_may_be_a_failure(run, content, why):
    write(run, RESULT, content)
    assert standing_of(run) == (State.FAILED, why)


@pytest.mark.parametrize("name", [RESULT, FAILURE])
def test_files_cut_short_are_failures(run, name):
    (run.path / name).write_text('{"outcome": ')
    found = standing_of(run)
    assert found.state is State.FAILED
    assert f"{name} cannot be read" in found.why


def test_a_job_says_what_it_is_run_with():
    job = Job(7, "curves", {"fit.batch": 8, "objective": "energy"}, {"seed": 3})
    assert (job.name, job.label) == ("00007", "fit.batch=8, objective='energy', seed 3")
    assert Job(**json.loads(json.dumps(job.written()))) == job
