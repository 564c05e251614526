"""A page replaces the page of its run, and nothing else unasked."""

import pytest

from tuneful.cli.pages import put_page, refuse_existing, refuse_page
from tuneful.errors import UserError
from tuneful.runs.folder import PAGE, RunFolder


@pytest.fixture
def folder(tmp_path):
    """The folder of a run with its page."""
    folder = RunFolder(tmp_path / "run")
    folder.prepare(overwrite=False)
    put_page(folder.path / PAGE, False, lambda path: path.write_text("old"))
    return folder


def test_the_page_of_a_run_is_replaced_and_stays_its_own(folder):
    for content in ("new", "newer"):
        put_page(folder.path / PAGE, False, lambda path, content=content: path.write_text(content))
    assert (folder.path / PAGE).read_text() == "newer"
    folder.prepare(overwrite=True)
    assert not (folder.path / PAGE).exists()


@pytest.mark.parametrize("name", ["run/report.html", "mine.html"])
def test_a_page_that_is_not_of_a_run_is_replaced_only_if_that_is_said(folder, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="exists: choose another file, or add --overwrite"):
        put_page(tmp_path / name, False, lambda path: path.write_text("new"))
    assert (tmp_path / name).read_text() == "mine"
    put_page(tmp_path / name, True, lambda path: path.write_text("new"))
    assert (tmp_path / name).read_text() == "new"
    folder.prepare(overwrite=True)


def test_a_page_needs_a_folder(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        refuse_page(tmp_path / "absent" / "page.html", False)


def test_a_link_to_no_file_is_somebodys(tmp_path):
    link = tmp_path / "mine.nc"
    link.symlink_to(tmp_path / "disk that is not there")
    with pytest.raises(UserError, match="exists: choose another file"):
        refuse_existing(link, False)
    refuse_existing(link, True)
