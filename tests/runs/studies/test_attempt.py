"""An attempt at one job: whatever its run does, there is an end, with the reason in the folder."""

import errno
import itertools
import json
import os
import re

import pytest

from tuneful.errors import UserError
from tuneful.runs import running
from tuneful.runs.folder import FAILURE
from tuneful.runs.lock import FolderLock
from tuneful.runs.studies.attempt import End, attempt
from tuneful.runs.studies.jobs import State, standing_of
from tuneful.runs.studies.planning import planned
from tuneful.runs.studies.study_folder import StudyFolder
from tuneful.runs.studies.study_settings import study_from


@pytest.fixture
def run(study, monkeypatch):
    """`run(work)`: attempt the one job of a study, whose run is `work(path)`."""
    folder = study("")
    monkeypatch.setattr(running, "as_config", lambda config, origin: config)

    def attempted(work):
        monkeypatch.setattr(running, "run", lambda config, path, resume: work(path))
        return attempt(folder.path, 0), folder.run(folder.job(0))

    return attempted


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """A study of one network of twenty cells that is stabilised in ten steps, without a page; new at every call."""
    monkeypatch.setattr("tuneful.report.soc.write_soc_report", lambda content, path: path.touch())
    folders = itertools.count()

    def begun():
        asked = study_from({"model": "stabilize", "settings": {"n": 20, "radius": 4.0, "max_steps": 10}}, "s")
        folder = StudyFolder(tmp_path / f"networks-{next(folders)}")
        with folder.lock():
            folder.begin(asked, planned(asked, "s"))
        return folder

    return begun


@pytest.fixture
def undisturbed(networks):
    """The scalars of the network, of a job that was left alone."""
    folder = networks()
    assert attempt(folder.path, 0) == End(0, State.FINISHED)
    return folder.run(folder.job(0)).read_json("result.json")["scalars"]


def finish(path):
    path.mkdir(parents=True, exist_ok=True)
    (path / "result.json").write_text(json.dumps({"outcome": "converged", "parameters": {}}))


def raising(error):
    def work(path):
        raise error

    return work


def test_a_finished_job_is_not_run_again(run):
    assert run(finish)[0] == End(0, State.FINISHED)
    assert run(raising(AssertionError))[0] == End(0, State.FINISHED)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (UserError("nothing settles: choose other weights."), r"nothing settles: choose other weights\."),
        (MemoryError(), "there was not enough memory"),
        (
            ZeroDivisionError("division by zero"),
            r"ZeroDivisionError in line \d+: .* \(test_attempt\.py\)",
        ),
        (
            PermissionError(13, "Permission denied", "data.nc"),
            r"The file system refused: Permission denied \(data\.nc\)\.",
        ),
    ],
)
def test_whatever_is_raised_is_a_failure_with_a_reason(run, error, why):
    end, place = run(raising(error))
    assert end.state is State.FAILED
    assert re.fullmatch(why, end.why)
    assert standing_of(place) == (State.FAILED, end.why)


def test_a_failed_job_is_begun_again_and_what_there_was_is_kept(run):
    _, place = run(raising(UserError("no")))
    end, place = run(finish)
    assert end == End(0, State.FINISHED)
    assert sorted(path.name for path in place.path.parent.iterdir()) == ["00000", "00000.failed-1"]
    assert (place.path.with_name("00000.failed-1") / FAILURE).exists()


def test_a_run_that_somebody_has_is_no_failure(run):
    end, place = run(lambda path: FolderLock(path).__enter__())
    with FolderLock(place.path):
        end, _ = run(lambda path: FolderLock(path).__enter__())
    assert end.state is State.RUNNING
    assert "is in use by process" in end.why
    assert not place.has(FAILURE)


def test_where_nothing_can_be_written_the_end_is_told_all_the_same(run, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tuneful.runs.studies.attempt.Manifest.write", denied)
    end, place = run(raising(PermissionError(13, "Permission denied")))
    assert end.state is State.FAILED
    assert not place.has(FAILURE)


def test_an_interruption_is_none_of_all_this(run):
    with pytest.raises(KeyboardInterrupt):
        run(raising(KeyboardInterrupt))


def test_an_end_is_written_and_read():
    end = End(3, State.FAILED, "no", begins_again=True)
    assert End.read(json.loads(json.dumps(end.written()))) == end


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def a_disk_that_is_full(folder, place, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("tuneful.files.os.fsync", full)
        return attempt(folder.path, 0)


def cut(name):
    def damage(folder, place, monkeypatch):
        begun = (place.path / name).read_bytes()
        (place.path / name).write_bytes(begun[: len(begun) // 2])
        return attempt(folder.path, 0)

    return damage


@pytest.mark.parametrize(
    ("fault", "why", "begins_again"),
    [
        (a_disk_that_is_full, r"^The file system refused: No space left on device\.$", False),
        (cut("config.json"), r"config\.json cannot be read", True),
        (cut(".tuneful.json"), r"was not written by tuneful", True),
    ],
)
def test_after_a_fault_a_job_is_told_and_then_ends_with_the_same_bits(
    networks, undisturbed, monkeypatch, fault, why, begins_again
):
    """Three steps were taken before it."""
    folder = networks()
    place = folder.run(folder.job(0))
    with monkeypatch.context() as patch:
        patch.setattr("tuneful.runs.stabilize_run.asked_to_stop", lambda moment: moment.steps >= 3)
        with pytest.raises(KeyboardInterrupt):
            attempt(folder.path, 0)
    end = fault(folder, place, monkeypatch)
    assert (end.state, end.begins_again) == (State.FAILED, begins_again)
    assert re.search(why, end.why)
    for _ in range(2):  # one that could not be noted anywhere is only found at the next attempt
        end = attempt(folder.path, 0)
    assert end == End(0, State.FINISHED)
    assert place.read_json("result.json")["scalars"] == undisturbed
    assert place.path.with_name(f"{place.path.name}.failed-1").exists() is begins_again
