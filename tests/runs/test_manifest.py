"""What was written is proven, and nothing else."""

import pytest

from tuneful.errors import UserError
from tuneful.runs.manifest import LOG, MANIFEST, Manifest, read_manifest


@pytest.fixture
def noted(tmp_path):
    """A file, a log, and the manifest that has them."""
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / LOG).write_text('{"step": 1, "loss": 2}\n')
    return Manifest.of(tmp_path / "a.json", tmp_path / LOG)


def test_it_comes_back(noted, tmp_path):
    noted.write(tmp_path)
    assert read_manifest(tmp_path) == noted


@pytest.mark.parametrize("name", ["a.json", LOG])
def test_a_changed_file_is_not_proven(noted, tmp_path, name):
    assert noted.proves(tmp_path / name)
    (tmp_path / name).write_text((tmp_path / name).read_text().replace("1", "2"))
    assert not noted.proves(tmp_path / name)


@pytest.mark.parametrize("more", ["", '{"step": 2}\n', '{"step": 2}\n{"step": 3, "lo', "{", '{"st', "\0\0"])
def test_a_log_may_have_grown(noted, tmp_path, more):
    with open(tmp_path / LOG, "a") as log:
        log.write(more)
    assert noted.proves(tmp_path / LOG)


@pytest.mark.parametrize("more", ["my notes", "{}\n", '{"step": 2}\nmine', '{"mine": 2}'])
def test_a_log_with_notes_of_the_user_is_not_ours(noted, tmp_path, more):
    with open(tmp_path / LOG, "a") as log:
        log.write(more)
    assert not noted.proves(tmp_path / LOG)


def test_a_file_may_be_what_it_was_or_what_it_becomes(noted, tmp_path):
    """As a kill between the two leaves it."""
    path, content = tmp_path / "a.json", tmp_path / "new"
    content.write_text("[2]")
    now = noted.noted(path, content)
    assert now.proves(path)
    content.rename(path)
    assert now.proves(path)
    assert not noted.proves(path)


def test_a_strangers_file_is_noted_only_if_it_may_be_replaced(noted, tmp_path):
    path, content = tmp_path / "b.json", tmp_path / "new"
    path.write_text("mine")
    content.write_text("[2]")
    with pytest.raises(UserError, match=r"b\.json was not written by tuneful"):
        noted.noted(path, content)
    assert not noted.noted(path, content, overwrite=True).proves(path)


@pytest.mark.parametrize("content", ["", "{}", "[" * 100_000, '{"mark": NaN}', "\xff", '{"hidden_size": 768}'])
def test_what_is_no_manifest_proves_nothing(tmp_path, content):
    assert read_manifest(tmp_path) is None
    (tmp_path / MANIFEST).write_text(content, encoding="latin-1")
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "x" * 256, "\u00e9" * 128, "a\0b", "/etc/passwd"])
def test_what_can_be_no_file_of_the_folder_is_not_in_a_manifest(noted, tmp_path, name):
    noted.model_copy(update={"files": {name: noted.files["a.json"]}}).write(tmp_path)
    assert read_manifest(tmp_path) is None


def test_files_that_a_kill_left_are_known_again(noted, tmp_path):
    for name, known in ((f".a.json.{noted.mark}.tmp.json", True), (".a.json.tmp", False), (f"{noted.mark}", False)):
        (tmp_path / name).write_text("")
        assert noted.is_leftover(tmp_path / name) == known
