"""A study ends with everything finished that can be, and a list of the rest, whatever is killed on the way."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from tuneful.errors import UserError
from tuneful.runs.progress import Progress
from tuneful.runs.studies.engines import LocalWorkers
from tuneful.runs.studies.jobs import Job, State
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_run import account_of, begin_study, run_study
from tuneful.runs.studies.study_settings import study_from

JOB = Job(0, "curves", {}, {"seed": 0})
QUIET = Progress(show=False)
RUN = """
import sys
from tuneful.runs.progress import Progress
from tuneful.runs.studies.engines import LocalWorkers
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_run import run_study
from tuneful.runs.studies.workers import Crew
crew = Crew(sys.argv[1], program=("-c", sys.argv[2]))
run_study(StudyFolder(sys.argv[1]), LocalWorkers(2), crew, Progress(show=True))
"""


def by_state(account):
    return [standing.state for _, standing in account.jobs]


def tries(folder):
    return sorted(path.parent.name for path in folder.path.glob("runs/*/.try*"))


def test_the_end_is_a_list_of_what_failed_and_why(study, crew):
    folder = study("", "die", "sleep", "nan", "fail")
    account = run_study(folder, LocalWorkers(2), crew(folder, limit=0.5), QUIET)
    assert by_state(account) == [State.FINISHED] + [State.FAILED] * 4
    said = str(account).splitlines()
    assert said[0] == f"{folder.path}: 1 finished, 4 failed, of 5 jobs"
    for line, why in zip(
        said[1:], ["SIGKILL", "limit of 0.5 s", "J is not a finite", "nothing settles"], strict=False
    ):
        assert why in line
    assert said[-1] == f"try what failed again: tuneful study retry {folder.path}"
    assert not account.is_finished


def test_finished_and_failed_jobs_are_left_alone(study, crew):
    folder = study("", "die once", "")
    run_study(folder, LocalWorkers(1), crew(folder), QUIET)
    before = tries(folder)
    assert by_state(run_study(folder, LocalWorkers(1), crew(folder), QUIET)) == [
        State.FINISHED, State.FAILED, State.FINISHED,
    ]  # fmt: skip
    assert tries(folder) == before


def test_a_retry_attempts_what_failed(study, crew):
    folder = study("", "die once", "")
    run_study(folder, LocalWorkers(1), crew(folder), QUIET)
    account = run_study(folder, LocalWorkers(1), crew(folder), QUIET, [State.FAILED])
    assert account.is_finished
    assert tries(folder) == ["00000", "00001", "00001", "00002"]


def test_a_study_that_was_killed_goes_on(study, crew):
    """SIGKILL to the process that looks after two workers, one of which sleeps: all but that job are not repeated."""
    folder = study("", "", "sleep once", "")
    command = [sys.executable, "-c", RUN, str(folder.path), crew(folder).program[1]]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(folder.path.glob("runs/*/result.json"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert run_study(folder, LocalWorkers(2), crew(folder), QUIET).is_finished
    assert tries(folder) == ["00000", "00001", "00002", "00002", "00003"]


def test_two_processes_cannot_run_one_study(study, crew):
    folder = study("")
    with folder.lock(), pytest.raises(UserError, match=f"is in use by process {os.getpid()} on"):
        run_study(folder, LocalWorkers(1), crew(folder), QUIET)
    assert tries(folder) == []


def test_an_interruption_stops_after_the_job_that_ended(study, crew, monkeypatch):
    folder = study("", "", "")
    monkeypatch.setattr("tuneful.runs.studies.study_run.asked_to_stop", lambda: True)
    with pytest.raises(KeyboardInterrupt):
        run_study(folder, LocalWorkers(1), crew(folder), QUIET)
    monkeypatch.undo()
    assert run_study(folder, LocalWorkers(1), crew(folder), QUIET).is_finished


def test_a_study_is_gone_on_with_only_as_it_was(study):
    folder = study("", "")
    begin_study(
        folder, study_from({"model": "m1", "seeds": 2, "limit": 5.0}, "a.toml"), lambda: pytest.fail("planned")
    )
    with pytest.raises(UserError, match="was begun with another seeds"):
        begin_study(folder, study_from({"model": "m1", "seeds": 3}, "a.toml"), lambda: pytest.fail("planned"))


def test_nothing_is_left_of_a_study_that_is_refused(tmp_path):
    def refuse():
        raise UserError("job 1: no")

    with pytest.raises(UserError, match="job 1"):
        begin_study(StudyFolder(tmp_path / "new"), study_from({"model": "m1"}, "a.toml"), refuse)
    assert not (tmp_path / "new").exists()


def test_a_folder_of_something_else_is_refused_before_anything_is_planned(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"mine\.txt was not written by tuneful"):
        begin_study(StudyFolder(tmp_path), study_from({"model": "m1"}, "a.toml"), lambda: pytest.fail("planned"))
    with pytest.raises(UserError, match=r"holds no config\.json"):
        account_of(StudyFolder(tmp_path))


def test_what_no_folder_can_be_told_is_in_the_account(study, crew, monkeypatch):
    """A disk that takes nothing any more."""
    folder = study("die")
    monkeypatch.setattr("tuneful.runs.folder.RunFolder.write_json", _full)
    account = run_study(folder, LocalWorkers(1), crew(folder), QUIET)
    assert account.jobs[0][1].state is State.FAILED
    assert "SIGKILL" in account.jobs[0][1].why


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_beginning_that_cannot_be_written_is_begun_again(tmp_path, monkeypatch, number):
    """The disk is full, or read-only; and then it is not."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    folder, asked = StudyFolder(tmp_path / "new"), study_from({"model": "m1"}, "a.toml")
    with monkeypatch.context() as patch:
        patch.setattr("tuneful.files.os.fsync", refuse)
        with pytest.raises(OSError, match=os.strerror(number)):
            begin_study(folder, asked, lambda: [JOB])
    assert not folder.exists
    begin_study(folder, asked, lambda: [JOB])
    assert list(folder.jobs()) == [JOB]


def _full(*_):
    raise OSError(28, "No space left on device")
