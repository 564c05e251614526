"""The folder of a run: what it accepts, refuses and reads back."""

import pytest

from tuneful.errors import UserError
from tuneful.runs.folder import RunFolder

LINES = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}, {"step": 2, "statistics": {"r2": 0.1}}, {"step": 3}]


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "deep" / "run")
    folder.prepare(overwrite=False)
    return folder


def test_a_folder_is_made_with_its_parents(folder):
    assert folder.path.is_dir()
    assert not folder.exists
    folder.prepare(overwrite=False)  # nothing was begun in it


def test_a_run_is_not_replaced_unasked(folder):
    folder.write_json("config.json", {})
    folder.write_json("result.json", {})
    folder.checkpoints.mkdir()
    assert folder.exists
    with pytest.raises(UserError, match="already holds a run: choose another --out, add --resume"):
        folder.prepare(overwrite=False)
    assert folder.read_json("result.json") == {}
    folder.prepare(overwrite=True)
    assert list(folder.path.iterdir()) == []


def test_files_of_others_are_never_removed(folder):
    (folder.path / "thesis.tex").write_text("")
    for overwrite in (False, True):
        with pytest.raises(UserError, match=r"holds other files \(thesis.tex"):
            folder.prepare(overwrite)
    folder.write_json("config.json", {})
    folder.prepare(overwrite=True)
    assert [path.name for path in folder.path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("leftover", [".data.nc.tmp.nc", ".config.json.tmp", "data.nc"])
def test_a_kill_before_the_run_had_begun_leaves_no_obstacle(folder, leftover):
    (folder.path / leftover).write_text("half")
    folder.prepare(overwrite=False)
    assert list(folder.path.iterdir()) == []


def test_hidden_files_of_the_system_are_left_alone(folder):
    (folder.path / ".DS_Store").write_text("")
    folder.prepare(overwrite=False)
    assert (folder.path / ".DS_Store").exists()


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder"):
        RunFolder(tmp_path / "file").prepare(overwrite=True)


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


@pytest.mark.parametrize("tail", ['{"step": 4, "lo', "{", "\x00\x00\x00"])
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
