"""A file is whole or as it was before, whatever happens on the way."""

import os
from pathlib import Path

import pytest

from tuneful.files import replacing, write_atomically


@pytest.mark.parametrize(("content", "written"), [("σ\r\n", "σ\r\n".encode()), (b"\x00\xff", b"\x00\xff"), ("", b"")])
def test_content_is_written_as_it_is_and_nothing_else_is_left(tmp_path, content, written):
    path = tmp_path / "a.json"
    path.write_text("old")
    write_atomically(path, content)
    assert path.read_bytes() == written
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(str(tmp_path / "new"), content)
    assert (tmp_path / "new").read_bytes() == written


def test_a_library_that_wants_a_path_gets_one_beside_the_target(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("old")
    with replacing(path) as temporary, replacing(path) as other:
        assert temporary != other  # two writers do not write into each other's file
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".nc")
        assert temporary.match(".*.tmp*")  # as the folder of a run finds what a kill left behind
        for place in (temporary, other):
            place.write_text("new")
            assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_keeps_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half of ")
            raise error

    with pytest.raises(error):
        fail()
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_disk_that_fails_keeps_the_old_file(tmp_path, monkeypatch, broken):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="full"):
        write_atomically(path, "new")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_it_is_on_the_disk_before_it_is_renamed(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (done.append(name), real(*args)))
    write_atomically(tmp_path / "a.txt", "new")
    assert done == ["fsync", "replace"]


def test_a_writer_that_wrote_nothing_replaces_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text() == "old"
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "absent" / "a.txt", "new")


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == Path(link).read_text() == "new"


def test_permissions_stay(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o600)
    write_atomically(path, "new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_only_files_are_replaced(tmp_path):
    """A rename would put a file where a pipe or a device was."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match=name):
            write_atomically(tmp_path / name, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_file_that_is_write_protected_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    with pytest.raises(PermissionError):
        write_atomically(path, "new")
    assert path.read_text() == "old"


def test_a_file_of_that_name_beside_it_is_kept(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("")
    number = int(temporary.name.split("-")[1].split(".")[0]) + 1
    mine = tmp_path / f".a.txt.{os.getpid()}-{number}.tmp.txt"
    mine.write_text("mine")
    write_atomically(tmp_path / "a.txt", "new")
    assert mine.read_text() == "mine"
