"""The program that reads HDF5 files before anything else does."""

import json
import subprocess
import sys

import h5py

from tuneful.readers import inspection


def test_it_answers_line_by_line_and_soon_knows_what_it_needs(tmp_path):
    with h5py.File(tmp_path / "good.h5", "w") as file:
        file["rate"] = [1.0]
    (tmp_path / "b\n.h5").write_text("no HDF5")
    questions = "".join(json.dumps([str(tmp_path / name)]) + "\n" for name in ("good.h5", "b\n.h5", "good.h5"))
    command = [sys.executable, "-P", inspection.__file__]
    done = subprocess.run(command, input=questions, capture_output=True, text=True, check=True)
    ready, *answers = map(json.loads, done.stdout.splitlines())
    assert ready is None
    assert answers == [None, "could not be read (file signature not found): is it complete?", None]
    assert not done.stderr


def test_what_it_says_is_one_line_that_a_terminal_may_show(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["\x1b[2J" + "n" * 500] = h5py.SoftLink("\n" * 500)
    said = inspection.wrong_with(str(tmp_path / "a.h5"))
    assert said is not None
    assert said.isprintable()
    assert len(said) < 400


def test_many_objects_take_their_time(tmp_path, monkeypatch):
    """The limit is on what one object takes, for a step that never ends is what it is there for."""
    monkeypatch.setattr(inspection, "_allow", (allowed := []).append)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(20):
            file[f"group/{i}"] = i
    assert inspection.wrong_with(str(tmp_path / "a.h5")) is None
    assert len(allowed) > 2 * 20


def test_a_name_that_is_no_text_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(b"a\xff", data=1.0)
    assert "has the name" in str(inspection.wrong_with(str(tmp_path / "a.h5")))
