"""Studies whose jobs do what their values say, run by a worker that needs no JAX."""

import dataclasses

import pytest

from tuneful.runs.studies.jobs import Job
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_settings import study_from
from tuneful.runs.studies.workers import Crew

WORKER = """
import json, os, signal, sys, time
from pathlib import Path
study = Path(sys.argv[1])
wanted = [json.loads(line)["values"].get("what") for line in (study / "jobs.jsonl").read_text().splitlines()]
if "no start" in wanted:
    sys.exit("no such device")
print("ready", flush=True)
kept = []
for line in sys.stdin:
    index = int(line)
    run, what, end = study / "runs" / f"{index:05d}", wanted[index], {"index": index, "state": "finished"}
    run.mkdir(parents=True, exist_ok=True)
    before = len(list(run.glob(".try*")))
    (run / f".try{before}").touch()
    if what == "die" or (what == "die once" and not before):
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exit":
        sys.exit("out of luck")
    if what == "sleep" or (what == "sleep once" and not before):
        time.sleep(60)
    if what in ("eat", "hold"):  # all at once, or a part that stays
        kept.append(b"x" * (400 if what == "eat" else 150) * 2**20)
        time.sleep(60 if what == "eat" else 0.3)
    if what == "busy" and before < 2:
        end["state"] = "running"
    elif what == "fail":
        end |= {"state": "failed", "why": "nothing settles", "begins_again": True}
    else:
        value = None if what == "nan" else float(index)
        table = {"outcome": "reached", "parameters": {"J": {"value": value, "symbol": "J"}}}
        (run / "half").write_text(json.dumps(table))
        os.replace(run / "half", run / "result.json")
    print(json.dumps(end), flush=True)
"""


@pytest.fixture
def study(tmp_path):
    """`study("", "die", ...)`: the folder of a study that was begun, with a job for every word."""

    def begin(*words, **settings):
        jobs = [Job(i, "curves", {"what": word}, {"seed": i}) for i, word in enumerate(words)]
        folder = StudyFolder(tmp_path / "study")
        with folder.lock():
            folder.begin(study_from({"model": "m1", "seeds": max(len(jobs), 1)} | settings, "study"), jobs)
        return folder

    return begin


@pytest.fixture
def crew():
    """`crew(folder)`: workers that do what the jobs say."""

    def of(folder, **how):
        return dataclasses.replace(Crew(str(folder.path.absolute()), program=("-c", WORKER)), **how)

    return of
