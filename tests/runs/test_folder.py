"""The folder of a run: what it accepts, refuses and reads back."""

import contextlib
import itertools
import pkgutil
import shutil

import numpy as np
import pytest

from tuneful.errors import UserError
from tuneful.runs.checkpoints import save_checkpoint
from tuneful.runs.folder import RunFolder

LINES = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}, {"step": 2, "statistics": {"r2": 0.1}}, {"step": 3}]


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.prepare(overwrite=False)
    return folder


def names(folder):
    return sorted(path.name for path in folder.path.iterdir())


def test_a_folder_is_made_with_its_parents(folder):
    assert folder.path.is_dir()
    assert not folder.exists
    folder.prepare(overwrite=False)  # nothing was begun in it


def test_a_run_is_not_replaced_unasked(folder):
    folder.write_json("config.json", {})
    folder.write_json("result.json", {})
    save_checkpoint(folder.checkpoints, 2, np.zeros(3))
    assert folder.exists
    with pytest.raises(UserError, match="already holds a run: choose another --out, add --resume"):
        folder.prepare(overwrite=False)
    assert folder.read_json("result.json") == {}
    folder.prepare(overwrite=True)
    assert names(folder) == [".tuneful.json"]


def written(folder):
    """A run of several files, its checkpoints included."""
    for name in ("config.json", "result.json"):
        folder.write_json(name, {"kind": "fit", "name": name})
    folder.append_metrics(LINES)
    save_checkpoint(folder.checkpoints, 2, np.zeros(3))


def everything(folder):
    return {path: path.read_bytes() for path in sorted(folder.path.rglob("*")) if path.is_file()}


STRANGERS = {
    "another file": "thesis.tex",
    "a file of a name that runs use": "data.nc",
    "a file beside the checkpoints": "checkpoints/model.pt",
    "a file in a checkpoint": "checkpoints/step-00000002/model.pt",
    "a checkpoint of another program": "checkpoints/step-00000003/weights.bin",
    "a changed file": "result.json",
    "a changed log": "metrics.jsonl",
    "a changed configuration": "config.json",
    "a changed checkpoint": "checkpoints/step-00000002/arrays.npz",
}


@pytest.mark.parametrize("name", STRANGERS.values(), ids=STRANGERS.keys())
@pytest.mark.parametrize("overwrite", [False, True])
def test_whatever_no_run_wrote_stays_and_is_named(folder, name, overwrite):
    written(folder)
    if not overwrite:
        folder.discard("config.json")  # as if the run had not begun
    (folder.path / name).parent.mkdir(exist_ok=True)
    (folder.path / name).write_text("mine")
    before = everything(folder)
    with pytest.raises(
        UserError, match="already holds" if folder.exists and not overwrite else name.split("/")[-2:][0]
    ):
        folder.prepare(overwrite)
    assert everything(folder) == before


@pytest.mark.parametrize(
    "name", ["config.json", "data.nc", "report.html", "circuit.npz", "checkpoints", ".tuneful.json"]
)
def test_a_folder_without_a_manifest_is_not_ours(tmp_path, name):
    (tmp_path / name).write_text('{"hidden_size": 768}')
    for overwrite in (False, True):
        with pytest.raises(UserError, match=name):
            RunFolder(tmp_path).prepare(overwrite)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_is_not_followed(folder, tmp_path):
    written(folder)
    (folder.path / "result.json").rename(tmp_path / "elsewhere.json")
    (folder.path / "result.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UserError, match=r"result\.json was changed"):
        folder.write_json("result.json", {})
    with pytest.raises(UserError, match=r"result\.json was changed"):
        folder.prepare(overwrite=True)
    assert (tmp_path / "elsewhere.json").exists()


def test_a_file_that_was_changed_is_not_written_over(folder):
    folder.write_json("result.json", {})
    (folder.path / "result.json").write_text("mine")
    with pytest.raises(UserError, match=r"result\.json was changed since tuneful wrote it"):
        folder.write_json("result.json", {})
    folder.discard("result.json")
    assert (folder.path / "result.json").read_text() == "mine"


class Killed(BaseException):
    """Nothing may catch it."""


@pytest.mark.parametrize("call", range(1, 9))
@pytest.mark.parametrize("what", ["os.replace", "pathlib.Path.unlink"])
def test_whenever_it_is_killed_the_folder_can_be_used_again(folder, monkeypatch, what, call):
    """Before every rename and every removal, of a run that replaces one."""
    written(folder)
    (folder.path / ".notes").write_text("mine")
    do, calls = pkgutil.resolve_name(what), itertools.count(1)

    def killing(*arguments, **options):
        if next(calls) >= call:
            raise Killed
        return do(*arguments, **options)

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(what, killing)
        folder.prepare(overwrite=True)
        written(folder)
    assert any(path.name.startswith(".") for path in folder.path.iterdir())
    folder.prepare(overwrite=True)
    assert names(folder) == [".notes", ".tuneful.json"]


def test_a_run_that_was_never_begun_stands_in_nobodys_way(folder):
    folder.write_json("data.nc", {})  # and killed before its configuration was there
    folder.prepare(overwrite=False)
    assert names(folder) == [".tuneful.json"]


def test_a_copy_of_a_run_is_a_run(folder, tmp_path):
    written(folder)
    copy = RunFolder(shutil.copytree(folder.path, tmp_path / "copy"))
    copy.refuse_damage()
    copy.prepare(overwrite=True)


def test_hidden_files_of_the_system_are_left_alone(folder):
    written(folder)
    for name in (".DS_Store", ".a.tmp", ".git/config", "checkpoints/.keep"):
        (folder.path / name).parent.mkdir(exist_ok=True)
        (folder.path / name).write_text("mine")
    folder.prepare(overwrite=True)
    assert names(folder) == [".DS_Store", ".a.tmp", ".git", ".tuneful.json", "checkpoints"]
    assert [path.name for path in folder.checkpoints.iterdir()] == [".keep"]


def test_a_run_of_an_earlier_version_goes_on_and_is_not_replaced(folder):
    written(folder)
    (folder.path / ".tuneful.json").unlink()
    with pytest.raises(UserError, match="of an earlier version"):
        folder.prepare(overwrite=True)
    with pytest.raises(UserError, match=r"result\.json was not written by tuneful"):
        folder.go_on()
    (folder.path / "result.json").unlink()
    folder.go_on()
    folder.rewrite_metrics(LINES[:1])
    folder.prepare(overwrite=True)


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl"])
def test_a_damaged_run_is_not_read(folder, name):
    written(folder)
    folder.refuse_damage()
    (folder.path / name).write_text("{}")
    with pytest.raises(UserError, match=rf"{name} is damaged, or was changed"):
        folder.refuse_damage()


def test_what_comes_of_content_that_no_run_wrote_is_one_sentence(folder):
    for error in (KeyError("a"), RecursionError("deep"), MemoryError("931 GiB")):
        with pytest.raises(type(error)), folder.reading():  # all is proven: a mistake of ours
            raise error
    (folder.path / ".tuneful.json").unlink()
    for error in (KeyError("a"), RecursionError("deep"), MemoryError("931 GiB")):
        with pytest.raises(UserError, match="cannot be read as the folder of a run"), folder.reading():
            raise error


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        RunFolder(tmp_path / "file").prepare(overwrite=True)
    with pytest.raises(UserError, match="file is a file: name the folder of a run"):
        RunFolder(tmp_path / "file").kind()


@pytest.mark.parametrize(
    ("name", "message"),
    [("config.json", "is it the folder of a run"), ("result.json", "is it the folder of a finished run")],
)
def test_missing_files_are_named(folder, name, message):
    with pytest.raises(UserError, match=f"holds no {name}: {message}"):
        folder.read_json(name)


def test_damaged_json_is_named(folder):
    (folder.path / "result.json").write_text('{"a": ')
    with pytest.raises(UserError, match=r"result\.json cannot be read"):
        folder.read_json("result.json")


def test_the_log_comes_back(folder):
    assert folder.read_metrics() == []
    folder.append_metrics(LINES[:2])
    folder.append_metrics(LINES[2:])
    assert folder.read_metrics() == LINES
    assert folder.read_metrics(until=2) == LINES[:3]
    assert folder.read_metrics(until=0) == []
    folder.rewrite_metrics(LINES[:1])
    assert folder.read_metrics() == LINES[:1]


@pytest.mark.parametrize(
    "tail",
    [
        '{"step": 4, "lo',
        "{",
        "\x00\x00\x00",
        "[]",
        '{"step": null}',
        '{"step": Infinity}',
        '{"loss": 1}',
        "[" * 100_000,
    ],
)
def test_a_line_cut_short_by_a_kill_ends_the_log(folder, tail):
    folder.append_metrics(LINES)
    with open(folder.path / "metrics.jsonl", "a") as log:
        log.write(tail)
    assert folder.read_metrics() == LINES


def test_a_folder_knows_what_was_run_in_it(folder):
    folder.write_json("config.json", {"kind": "stabilized circuit"})
    assert folder.kind() == "stabilized circuit"
    folder.write_json("config.json", {"circuit": {"name": "ssn"}})  # of a time in which fits did not say so
    assert folder.kind() == "fit"


@pytest.mark.parametrize("content", [{"hidden_size": 768}, [1], 3, None])
def test_a_folder_of_something_else_is_no_run(folder, content):
    folder.write_json("config.json", content)
    with pytest.raises(UserError, match="is not the folder of a run"):
        folder.kind()
