"""One process at a time in a run folder."""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tuneful.errors import UserError
from tuneful.runs.lock import HOLDER, LOCK, FolderLock, holder_of

HOLD = """
import sys, time
from pathlib import Path
from tuneful.runs.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


class Reset(datetime):
    """A clock that was set back by decades."""

    @classmethod
    def now(cls, tz=None):
        return cls(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds a folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_process_is_told_who_holds_the_folder(holder, tmp_path):
    with pytest.raises(UserError, match=f"run is in use by process {holder.pid} on .* since 20") as error:
        FolderLock(tmp_path / "run").__enter__()
    assert str(error.value).endswith("wait for it, or choose another --out.")


def test_a_dead_holder_is_recognised(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (tmp_path / "run" / HOLDER).exists()
    with FolderLock(tmp_path / "run"):
        assert f'"process": {os.getpid()}' in (tmp_path / "run" / HOLDER).read_text()


def test_the_lock_is_given_back(tmp_path):
    for _ in range(2):
        with FolderLock(tmp_path / "run"):
            (tmp_path / "run" / "config.json").write_text("{}")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]


def test_nothing_is_left_of_a_run_that_never_began(tmp_path):
    with pytest.raises(ZeroDivisionError), FolderLock(tmp_path / "new"):
        _ = 1 / 0
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_that_was_there_stays(tmp_path):
    (tmp_path / "mine").mkdir()
    with FolderLock(tmp_path / "mine"):
        pass
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_clock_that_jumps_frees_no_folder_and_takes_none(holder, tmp_path, monkeypatch):
    """A lock has no age: its holder lives, or it is free."""
    monkeypatch.setattr("tuneful.runs.lock.datetime", Reset)
    os.utime(tmp_path / "run" / LOCK, (0, 0))
    with pytest.raises(UserError, match="is in use"):
        FolderLock(tmp_path / "run").__enter__()
    holder.kill()
    holder.wait()
    with FolderLock(tmp_path / "run"):
        assert holder_of(tmp_path / "run")["since"].startswith("1970-01-01")
    assert holder_of(tmp_path / "run") is None


@pytest.mark.parametrize("process", ["Infinity", "1e400", "9" * 30, "[" * 100_000, "null", '"x"'])
def test_a_holder_that_is_no_process_is_nobody(tmp_path, process):
    here = json.dumps(socket.gethostname())
    (tmp_path / HOLDER).write_text(f'{{"process": {process}, "host": {here}, "since": ""}}')
    assert holder_of(tmp_path) is None


def test_an_unreadable_holder_is_another_process(holder, tmp_path):
    (tmp_path / "run" / HOLDER).write_text("[1")
    with pytest.raises(UserError, match="is in use by another process"):
        FolderLock(tmp_path / "run").__enter__()
    assert (tmp_path / "run" / LOCK).exists()


@pytest.mark.parametrize("more", [(), ("--resume",), ("--overwrite",)])
@pytest.mark.parametrize("command", ["fit", "stabilize"])
def test_a_second_command_refuses_in_one_sentence(holder, refused, tiny, tmp_path, command, more):
    what = (tiny,) if command == "fit" else ("--n", 40)
    before = (tmp_path / "run" / HOLDER).read_bytes()
    assert refused(command, *what, "--out", "run", *more).startswith(f"run is in use by process {holder.pid} on ")
    assert (tmp_path / "run" / HOLDER).read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted([HOLDER, LOCK])
