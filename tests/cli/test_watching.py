"""`tuneful watch` tells an address, and ends without a trace in the folder."""

import pytest

from tuneful.cli import watching
from tuneful.errors import UserError


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Addresses that were opened in a browser, by a program that is asked to stop at once."""
    addresses = []
    monkeypatch.setattr(watching, "asked_to_stop", lambda: True)
    monkeypatch.setattr(watching.webbrowser, "open", addresses.append)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return addresses


def test_it_prints_and_opens_one_address_and_leaves_nothing(opened, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    for _ in range(2):
        watching.run_watch(folder, None, browser=True)
    assert len(opened) == 2
    assert opened[0].split("/")[3] == opened[1].split("/")[3]  # the same secret word
    printed = capsys.readouterr()
    assert opened[0] in printed.out
    assert "No run was begun in this folder yet." in printed.out
    assert not list(folder.iterdir())


def test_no_browser_is_opened_where_it_would_not_be_seen(opened, tmp_path, monkeypatch, capsys):
    watching.run_watch(tmp_path, None, browser=False)
    monkeypatch.setenv("SSH_CONNECTION", "1 2 3 4")
    watching.run_watch(tmp_path, None, browser=True)
    assert not opened
    assert "ssh -L " in capsys.readouterr().out


@pytest.mark.parametrize(("name", "words"), [("absent", "is not there"), ("file", "is no folder")])
def test_what_is_no_folder_is_refused(opened, tmp_path, name, words):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"{name} {words}: name the folder of a run"):
        watching.run_watch(tmp_path / name, None, browser=False)
