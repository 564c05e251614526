"""What is shown of long work."""

import logging
import sys
from types import SimpleNamespace

import pytest

from tuneful.runs import progress
from tuneful.runs.progress import Progress


@pytest.mark.parametrize(("done", "total", "said"), [(0, 3, True), (2, 3, True), (3, 3, False), (0, None, False)])
def test_a_first_step_says_that_it_compiles(capsys, done, total, said):
    with Progress(show=True) as shown:
        shown.begin(done, total)
    assert ("compiling the first step" in capsys.readouterr().err) == said


def test_steps_are_said_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with Progress(show=True) as shown:
        shown.begin(0, 3)
        shown.now_and_then(1, "loss 0.5")
    assert capsys.readouterr().err.splitlines()[-1] == "step     1   loss 0.5"


def test_notes_are_fit_for_a_terminal(capsys):
    with Progress(show=True) as shown:
        shown.note(["Column '\x1b[2J' was left out"])
    assert capsys.readouterr().err == "note: Column '\\x1b[2J' was left out\n"


def test_nothing_is_shown_unasked(capsys):
    with Progress(show=False) as shown:
        shown.begin(0, 3)
        shown.note(["nobody listens"])
    assert capsys.readouterr() == ("", "")


def test_all_is_logged_and_nothing_printed_unless_asked_for(capsys, caplog):
    with caplog.at_level("INFO", "tuneful"), Progress(show=False) as shown:
        shown.begin(0, 3)
        shown.evaluated(2, {"rate": 0.25})
        shown.note(["mind the gap"])
    assert [(r.name, r.levelname) for r in caplog.records] == [
        ("tuneful", level) for level in ("INFO", "INFO", "WARNING")
    ]
    assert "KS: rate 0.250" in caplog.text
    assert capsys.readouterr() == ("", "")


def test_a_library_is_silent_unless_somebody_listens():
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("tuneful").handlers)


@pytest.mark.parametrize("kernel", [None, object()])
def test_bars_are_live_in_a_notebook(kernel, monkeypatch, capsys):
    """Whatever of IPython is loaded: a shell without a kernel is a terminal."""
    module = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=kernel, config={}))
    monkeypatch.setitem(sys.modules, "IPython", module)
    assert progress.in_notebook() == (kernel is not None)
    with Progress(show=True) as shown:
        shown.begin(1, 3)
        shown.at(2, "loss 0.5")
    assert ("2/3" in capsys.readouterr().err) == (kernel is not None)
