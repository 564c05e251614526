"""The program of a worker, with stand-ins for what needs JAX: its answers are its own, and it does not outlive."""

import subprocess
import sys
from contextlib import closing

import pytest

from tuneful.runs.studies.attempt import End
from tuneful.runs.studies.jobs import State
from tuneful.runs.studies.worker_process import _forget_programs
from tuneful.runs.studies.workers import Crew, Worker

PROGRAM = """
import sys, time, types
from tuneful.runs.studies import attempt
from tuneful.runs.studies.jobs import State
named = []
for module, function, work in (
    ("jax_setup", "set_up_jax", named.append), ("own_code", "made", lambda kind, place: named.append((kind, place))),
):
    sys.modules[f"tuneful.runs.{module}"] = types.SimpleNamespace(**{function: work})
def attempted(study, index):
    print("something that a circuit prints")
    if index == 2:
        print("begun", file=sys.stderr, flush=True)
        time.sleep(60)
    return attempt.End(index, State.FINISHED, f"{study} {named}")
attempt.attempt = attempted
from tuneful.runs.studies.worker_process import main
main(*sys.argv[1:])
"""


def test_every_question_has_one_answer_whatever_else_is_printed():
    crew = Crew("here", ("circuit=my.py:A=B", "objective=a.b:C"), cores=3, program=("-c", PROGRAM))
    with closing(Worker(crew)) as worker:
        found = [worker.attempt(index) for index in (0, 1)]
    assert found[0] == End(0, State.FINISHED, "here [3, ('circuit', 'my.py:A=B'), ('objective', 'a.b:C')]")
    assert found[1].index == 1


@pytest.mark.skipif(sys.platform == "win32", reason="threads cannot wait for signals here")
def test_it_ends_when_nobody_asks_any_more():
    """In the middle of a job, as after a kill of whoever looks after it."""
    command = [sys.executable, "-c", PROGRAM, "here", "1"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as process:
        process.stdin.write("2\n")
        process.stdin.flush()
        while process.stderr.readline() != "begun\n":
            assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=30) == 143
        assert process.stdout.read() == "ready\n"


@pytest.mark.parametrize(("most", "times"), [(0, 1), (10**9, 0)])
def test_programs_are_forgotten_before_there_are_too_many(monkeypatch, most, times):
    forgotten = []
    monkeypatch.setattr("tuneful.runs.studies.worker_process.MEMORY_MAPS", most)
    monkeypatch.setattr("jax.clear_caches", lambda: forgotten.append(1))
    _forget_programs()
    assert len(forgotten) == times
